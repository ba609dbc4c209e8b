import { once } from 'node:events'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ask, useConsole } from '../../support/console-raw'

const { start, onEnd } = useConsole()

describe('the page', () => {
  async function page(): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'console-page-'))
    onEnd(() => rm(folder, { recursive: true }))
    await mkdir(path.join(folder, 'page/assets'), { recursive: true })
    await writeFile(path.join(folder, 'page/index.html'), '<!doctype html><title>page</title>')
    await writeFile(path.join(folder, 'page/assets/index-Bx1_9fQa.js'), 'export {}')
    await writeFile(path.join(folder, 'secret.txt'), 'outside')
    await writeFile(path.join(folder, 'page/.hidden.txt'), 'hidden')
    return path.join(folder, 'page')
  }

  test('is served without a login, for every route, under a strict policy', async () => {
    const double = await start({ page: await page() })
    for (const route of ['/', '/site/berlin', '/index.html', '/?x=1']) {
      const answer = await ask(double.server.port, { path: route })
      expect([answer.status, answer.headers['content-type']], route).toEqual([200, 'text/html; charset=utf-8'])
      expect(answer.text).toContain('<title>page</title>')
      expect(answer.headers['cache-control']).toBe('no-cache')
      expect(answer.headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      )
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(answer.headers['referrer-policy']).toBe('no-referrer')
    }
  })

  test('files with a hash in their name are kept for ever, others are asked for again', async () => {
    const double = await start({ page: await page() })
    const asset = await ask(double.server.port, { path: '/assets/index-Bx1_9fQa.js' })
    expect(asset.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await ask(double.server.port, { path: '/assets/gone-Bx1_9fQa.js' })).status).toBe(404)
  })

  test('is in memory once, however many ask for a file and leave the answer unread; the next get it whole', async () => {
    const folder = await page()
    const content = 'x'.repeat(4 * 1024 * 1024)
    await writeFile(path.join(folder, 'assets/large-Bx1_9fQa.js'), content)
    const double = await start({ page: folder })
    const before = process.memoryUsage().arrayBuffers
    const sockets = Array.from({ length: 40 }, () => connect(double.server.port, '127.0.0.1'))
    onEnd(() => Promise.resolve(sockets.forEach((socket) => socket.destroy())))
    const asked = `GET /assets/large-Bx1_9fQa.js HTTP/1.1\r\nHost: 127.0.0.1:${double.server.port}\r\n\r\n`
    for (const socket of sockets) socket.write(asked.repeat(2))
    await Promise.all(sockets.map((socket) => once(socket, 'readable')))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * content.length)
    for (const socket of sockets) socket.destroy()
    const whole = await ask(double.server.port, { path: '/assets/large-Bx1_9fQa.js' })
    expect(whole.text.length).toBe(content.length)
    const head = await ask(double.server.port, { path: '/assets/large-Bx1_9fQa.js', method: 'HEAD' })
    expect([head.headers['content-length'], head.text]).toEqual([String(content.length), ''])
  })

  test('no path leads out of the folder', async () => {
    const double = await start({ page: await page() })
    const paths = [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/../../secret.txt',
      '/..%2fsecret.txt',
      '/..%5csecret.txt',
      '/.hidden.txt',
      '//secret.txt',
      '/%00.txt',
      '/%',
      '/index.html/x.txt',
    ]
    for (const at of paths) {
      const answer = await ask(double.server.port, { path: at })
      expect(answer.status, at).toBe(404)
      expect(answer.text, at).not.toMatch(/outside|hidden/)
    }
  })

  test('other methods are refused, and health answers anybody', async () => {
    const double = await start({ page: await page() })
    expect((await ask(double.server.port, { path: '/', method: 'PUT', body: 'x' })).status).toBe(405)
    expect((await ask(double.server.port, { path: '/login' })).status).toBe(405)
    const health = await ask(double.server.port)
    expect(JSON.parse(health.text)).toEqual({ ok: true, role: 'master', version: '0.1.0', booted: true })
  })
})

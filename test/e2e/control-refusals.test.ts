import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ControllerProcess, dataDirectory, holdfast, type CommandRun } from '../support/controller'
import { machineMs } from '../support/judge'
import { passed, Site, timeoutMs } from '../support/site'

describe.concurrent('a join code', () => {
  it('that was used, revoked, mistyped, too old or of another master is refused by name, and leaves nothing behind', async () => {
    await using site = await Site.start()
    using other = dataDirectory('other')
    const join = (code: string) => holdfast(['join', code, '--data', other.dir, '--json'])
    const runs: [string, CommandRun][] = []
    const invite = (edge: string, ...more: string[]) =>
      site.master.ask<{ code: string; tokenId: string; expiresAt: number }>('invite', '--edge', edge, ...more)
    const short = await invite('Rome', '--valid', '10s')
    const revoked = await invite('Paris')
    await site.master.ask('invites', 'revoke', revoked.tokenId)
    const { code } = await invite('Oslo')
    const at = code.length - 20
    const mistyped = code.slice(0, at) + (code[at] === 'A' ? 'B' : 'A') + code.slice(at + 1)
    runs.push(['code-used', await join(site.code)])
    runs.push(['code-revoked', await join(revoked.code)])
    runs.push(['invalid', await join(mistyped)])
    await passed(short.expiresAt - Date.now() + 50)
    runs.push(['code-expired', await join(short.code)])

    await site.master.end()
    using strange = dataDirectory('strange')
    site.use(await ControllerProcess.start({ role: 'master', data: strange.dir, linkPort: site.linkPort }))
    runs.push(['wrong-authority', await join(code)])

    for (const [expected, run] of runs) {
      expect([expected, run.code, run.failure().code]).toEqual([expected, 1, expected])
      expect(run.failure().message).not.toBe('')
      expect(run.failure().hint).not.toBe('')
      expect(run.out + run.err).not.toContain(code.slice(10, 60))
    }
    expect(readdirSync(other.dir).filter((name) => name === 'edge' || name === 'secrets')).toEqual([])
  })
})

describe.concurrent('a link', () => {
  it('with a wrong secret is refused on both sides by name; the edge drives on its own, and no secret is in any log', async () => {
    await using site = await Site.driven()
    await site.master.ask('edge', 'set', 'Berlin', 'timeoutMs=60000')
    await site.edge.end('SIGTERM')
    const logs = [site.edge.log]
    const file = path.join(site.edgeData, 'secrets', 'link%2Fcredentials.secret')
    const stored = readFileSync(file, 'utf8')
    const { secret } = (JSON.parse(stored) as { current: { secret: string } }).current
    writeFileSync(file, stored.replace(secret, randomBytes(32).toString('hex')))
    const from = machineMs()
    const edge = await site.startEdge()
    await site.judge.drivenBy('edge', from, 15_000)
    await site.until('the edge is told', async () => (await edge.status()).link.state === 'refused')
    const shown = await edge.status()
    expect(shown.link.reason).toMatch(/refused|unauthenticated|proof|secret/i)
    expect(shown.needs.map(({ code }) => code)).toContain('master-refused')
    await site.until('the master tells of it', async () =>
      (await site.master.edge()).needs.some(({ code }) => code === 'unproven-dial'),
    )
    expect((await site.master.edge()).link.state).not.toBe('connected')

    // With the right secret again, all is well.
    await edge.end('SIGTERM')
    writeFileSync(file, stored)
    await site.startEdge()
    await site.linked()
    logs.push(edge.log, site.edge.log, site.master.log)
    for (const known of secretsIn(site.edgeData, site.masterData))
      for (const log of logs) expect(log.includes(known)).toBe(false)
    for (const log of logs) expect(log.includes(site.code.slice(60, 90))).toBe(false)
  })

  it('to another master on the same port is refused for its authority; the edge goes on driving', async () => {
    await using site = await Site.driven()
    await site.master.kill()
    using strange = dataDirectory('strange')
    const stranger = site.use(
      await ControllerProcess.start({ role: 'master', data: strange.dir, linkPort: site.linkPort }),
    )
    const refused = await site.until('the edge says so', async () => {
      const { link } = await site.edge.status()
      return link.state === 'refused' ? link : null
    })
    expect(refused.reason).toMatch(/wrong-authority/)
    expect((await site.edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect(site.judge.connections('edge').map(({ kind }) => kind)).toEqual(['connect'])
    await stranger.end()
    await site.startMaster()
    await site.linked()
  })

  it('that is revoked ends within a second; the edge goes on driving and is not taken over', async () => {
    await using site = await Site.driven()
    const revokedAt = machineMs()
    await site.master.ask('edge', 'revoke', 'Berlin', '--reason', 'stolen')
    await site.until('the link is closed', async () => (await site.edge.status()).link.state !== 'connected', 1_000)
    await passed(timeoutMs + 4_000)
    expect(site.judge.requests('master', revokedAt)).toEqual([])
    expect(site.judge.connections('edge').map(({ kind }) => kind)).toEqual(['connect'])
    expect((await site.edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect((await site.edge.status()).link).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/revoked/),
    })
    expect(await site.master.edge()).toMatchObject({ revoked: true, takeOverAt: null, control: { holder: 'edge' } })
  })

  it('stays as it is while strangers send garbage to the port', async () => {
    await using site = await Site.driven()
    const before = (await site.master.edge()).link
    const replies = await Promise.all([
      ...['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'SSH-2.0-x\r\n', randomBytes(70_000)].map((bytes) =>
        sendPlain(site, bytes),
      ),
      ...['GET / HTTP/1.1\r\nHost: x\r\n\r\n', randomBytes(70_000), `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`].map(
        (bytes) => sendTls(site, bytes),
      ),
      sendFrames(site, ['{"type":"hello"}']),
      sendFrames(site, ['['.repeat(100_000)]),
      sendFrames(site, [randomBytes(5_000)]),
      sendFrames(site, [Buffer.alloc(100 * 1024 * 1024)]),
    ])
    expect(replies.every((reply) => reply === 'closed')).toBe(true)
    // To the millisecond or so: it is kept on another clock than it is shown on.
    expect(Math.abs((await site.master.edge()).link.since - before.since)).toBeLessThan(20)
    expect((await site.edge.status()).link.state).toBe('connected')
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect(site.judge.connections('edge').map(({ kind }) => kind)).toEqual(['connect'])
    // 100 MB came over the wire at most into the kernel's buffers.
    expect(residentMib(site.master.pid)).toBeLessThan(200)
  })
})

/** Every value in the secret stores that is a key: nothing shorter can be told from an ordinary word. */
function secretsIn(...dataDirs: string[]): string[] {
  return dataDirs.flatMap((dir) => {
    const folder = path.join(dir, 'secrets')
    return readdirSync(folder).flatMap(
      (name) => readFileSync(path.join(folder, name), 'utf8').match(/[0-9a-f]{64}/g) ?? [],
    )
  })
}

const host = '127.0.0.1'
const goneWithinMs = 12_000

/** Resolves with what the far side made of it. */
function sendPlain(site: Site, bytes: string | Buffer): Promise<string> {
  const socket = connectTcp({ port: site.linkPort, host }, () => socket.write(bytes))
  return ended(socket)
}
function sendTls(site: Site, bytes: string | Buffer): Promise<string> {
  const socket = connectTls({ port: site.linkPort, host, rejectUnauthorized: false }, () => socket.write(bytes))
  return ended(socket)
}
function ended(socket: ReturnType<typeof connectTcp>): Promise<string> {
  return new Promise((resolve) => {
    const late = setTimeout(() => (resolve('still open'), socket.destroy()), goneWithinMs)
    socket.on('error', () => {})
    socket.resume()
    socket.on('close', () => (clearTimeout(late), resolve('closed')))
  })
}
function sendFrames(site: Site, frames: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`wss://${host}:${site.linkPort}`, { rejectUnauthorized: false })
    const late = setTimeout(() => (resolve('still open'), socket.terminate()), goneWithinMs)
    socket.on('error', () => {})
    socket.on('open', () => frames.forEach((frame) => socket.send(frame)))
    socket.on('close', () => (clearTimeout(late), resolve('closed')))
  })
}

function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { useCli } from '../../support/cli-console'
import { AT } from '../../support/console-samples'
import { nodeSample, nodeTotals } from '../../support/node-samples'

const { run, asked, double } = useCli()
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-cli-nodes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const shown = { type: 'ssh-ed25519', fingerprint: `SHA256:${'c'.repeat(43)}`, at: AT }

describe('node', () => {
  test('lists a page with totals of all, and one JSON value with --json', async () => {
    const nodes = [nodeSample(), nodeSample({ id: 'n2', name: 'web-2', offeredHostKey: shown, lastSeenAt: null })]
    double().answer({ 'nodes.listNodes': () => ({ nodes, total: 7, offset: 0, totals: nodeTotals }) })
    const { out } = await run(['node', 'list', '--status', 'online', 'offline', '--sort', 'status', '--limit', '2'])
    expect(out).toMatch(/^web-2 .* never .* shows another host key$/m)
    expect(out).toMatch(/^1 online, 1 unknown$/m)
    expect(out).toContain('5 more')
    const page = { statuses: ['online', 'offline'], sort: 'status', limit: 2, offset: 0, isDescending: false }
    expect(asked()).toEqual([['nodes.listNodes', page]])
    expect((await run(['node', 'list', '--json'])).json()).toMatchObject({ total: 7 })
  })

  test('adds one with a key from a file, and says by itself how to log in', async () => {
    const file = path.join(folder, 'key')
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n'
    writeFileSync(file, key)
    const { out } = await run(['node', 'add', 'web-1', '--host', '10.0.0.7', '--key', file, '--tag', 'hall', 'a'])
    expect(asked()).toEqual([
      [
        'nodes.addNode',
        { name: 'web-1', host: '10.0.0.7', ssh: { method: 'key' }, secrets: { privateKey: key }, tags: ['hall', 'a'] },
      ],
    ])
    expect(out).not.toContain('abc')
  })

  test('takes a password from standard input alone', async () => {
    const { out, err } = await run(['node', 'update', 'web-1', '--password', '--port', '2222'], { answer: 'word' })
    expect(asked()).toEqual([
      [
        'nodes.updateNode',
        { nodeId: 'web-1', ssh: { port: 2_222, method: 'password' }, secrets: { password: 'word' } },
      ],
    ])
    expect(out + err).not.toContain('word\n')
  })

  test('pauses and resumes, checks one or all, waits or does not', async () => {
    await run(['node', 'update', 'web-1', '--pause', 'works'])
    await run(['node', 'update', 'web-1', '--resume'])
    await run(['node', 'check', 'web-1'])
    await run(['node', 'check', 'web-1', '--no-wait'])
    await run(['node', 'check'])
    await run(['node', 'config', 'intervalMs=30000'])
    expect(asked()).toEqual([
      ['nodes.updateNode', { nodeId: 'web-1', pause: 'works' }],
      ['nodes.updateNode', { nodeId: 'web-1', pause: null }],
      ['nodes.checkNodeStatus', { nodeId: 'web-1' }],
      ['nodes.triggerNodeCheck', { nodeId: 'web-1' }],
      ['nodes.checkAllNodes', {}],
      ['nodes.setCheckConfig', { intervalMs: 30_000 }],
    ])
  })

  test('accepts a host key that was compared: by its fingerprint, or by a yes', async () => {
    double().answer({ 'nodes.getNode': () => nodeSample({ offeredHostKey: shown }) })
    expect(await run(['node', 'accept-key', 'web-1'], { answer: 'n' })).toMatchObject({ code: 2 })
    expect(await run(['node', 'accept-key', 'web-1'])).toMatchObject({ code: 2 })
    expect(asked().map(([op]) => op)).toEqual(['nodes.getNode', 'nodes.getNode'])
    const yes = await run(['node', 'accept-key', 'web-1'], { answer: 'y' })
    expect(yes.err).toContain(shown.fingerprint)
    await run(['node', 'accept-key', 'web-1', '--fingerprint', shown.fingerprint])
    expect(asked().filter(([op]) => op === 'nodes.updateNode')).toEqual([
      ['nodes.updateNode', { nodeId: 'n1', acceptFingerprint: shown.fingerprint }],
      ['nodes.updateNode', { nodeId: 'n1', acceptFingerprint: shown.fingerprint }],
    ])
  })

  test.each([
    [['node', 'add', 'web-1']],
    [['node', 'add', 'web-1', '--host', 'h', '--key', '/no/such/key']],
    [['node', 'add', 'web-1', '--host', 'h', '--method', 'telnet']],
    [['node', 'update', 'web-1', '--password', '--passphrase']],
    [['node', 'update', 'web-1', '--password']],
    [['node', 'list', '--sort', 'beauty']],
    [['node', 'show']],
  ])('%j is a usage error', async (argv) => {
    expect(await run(argv)).toMatchObject({ code: 2, out: '' })
    expect(asked()).toEqual([])
  })

  test.each([
    [['node', 'show', 'web-1'], /host key +ssh-ed25519 SHA256:b+, pinned/],
    [['node', 'history', 'web-1'], /online +12 ms +schedule/],
    [['node', 'summary'], /100\.00 % +99\.91 % +- +-/],
    [['node', 'uptime', 'web-1'], /uptime -/],
    [['node', 'keys'], /No key/],
    [['node', 'config'], /concurrency +20/],
    [['node', 'remove', 'web-1'], /web-1 is removed/],
  ])('%j tells it in words', async (argv, words) => {
    const { code, out } = await run(argv)
    expect(code).toBe(0)
    expect(out).toMatch(words)
  })
})

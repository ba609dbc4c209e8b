import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AlertIncident } from '../../shared/console/alert-views'
import type { OperationOutput } from '../../shared/console/contract'
import type { NodeView } from '../../shared/console/node-operations'
import type { AlertState } from '../../shared/model/alerts'
import { ControllerProcess, dataDirectory, holdfast } from '../support/controller'
import { makeKey, Sshd, sshdMissing } from '../support/sshd'
import { until } from '../support/until'

type Checked = OperationOutput<'nodes.checkNodeStatus'>
const passphrase = 'sesame-5c1d77e0'
const password = 'never-told-91ab42cd'

/** Files below that hold one of the words. */
function filesWith(folder: string, words: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(path.join(folder, file)).isFile())
    .filter((file) => {
      const text = readFileSync(path.join(folder, file)).toString('latin1')
      return words.some((word) => text.includes(word))
    })
}

describe('nodes', () => {
  it('are checked over a real SSH server by the built controller, and their secrets lie in the secret store alone', async ({
    skip,
  }) => {
    skip(sshdMissing !== null, sshdMissing ?? '')
    await using server = await Sshd.start()
    using data = dataDirectory('nodes')
    const said: string[] = []
    const run = async (args: string[], input?: string): Promise<Awaited<ReturnType<typeof holdfast>>> => {
      const done = await holdfast(['node', ...args, '--data', data.dir, '--json'], input === undefined ? {} : { input })
      said.push(done.out, done.err)
      return done
    }
    const locked = makeKey(server.folder, 'locked', { passphrase })
    server.authorize('locked')
    const secretLine = locked.split('\n')[3] ?? ''
    const start = () => ControllerProcess.start({ role: 'master', data: data.dir })

    let master = await start()
    try {
      const health = `http://127.0.0.1:${new URL(master.consoleUrl).port}/health`
      const login = ['--port', String(server.port), '--user', server.user, '--key', path.join(server.folder, 'locked')]
      const added = await run(
        ['add', 'web', '--host', '127.0.0.1', ...login, '--passphrase', '--health-url', health],
        passphrase,
      )
      expect(added.json()).toMatchObject({
        secretsSet: { privateKey: true, passphrase: true, password: false },
        key: { type: 'ssh-ed25519' },
      })
      const checked = (await run(['check', 'web'])).json() as Checked
      expect(checked.check).toMatchObject({
        ...{ status: 'online', cause: null, ssh: { state: 'ok' }, health: { state: 'ok', role: 'master' } },
      })
      expect(checked.node.hostKey?.fingerprint).toBe(server.fingerprint)

      // Somebody else's key.
      const other = path.join(server.folder, 'other')
      makeKey(server.folder, 'other')
      await run(['update', 'web', '--key', other])
      expect(((await run(['check', 'web'])).json() as Checked).check.ssh).toMatchObject({ code: 'auth-refused' })
      await run(['update', 'web', '--password'], password)
      expect(((await run(['check', 'web'])).json() as Checked).check.ssh).toMatchObject({ code: 'auth-refused' })
      await run(['update', 'web', '--key', path.join(server.folder, 'locked')])

      await server.replaceHostKey()
      const changed = (await run(['check', 'web'])).json() as Checked
      expect(changed.check).toMatchObject({ ssh: { state: 'failed', code: 'host-key-changed' } })
      expect(changed.node.offeredHostKey?.fingerprint).toBe(server.fingerprint)
      const wrong = `SHA256:${'A'.repeat(43)}`
      expect((await run(['accept-key', 'web', '--fingerprint', wrong])).failure()).toMatchObject({ code: 'conflict' })
      expect((await run(['accept-key', 'web', '--fingerprint', server.fingerprint])).code).toBe(0)
      expect(((await run(['check', 'web'])).json() as Checked).check.ssh).toMatchObject({ state: 'ok' })

      // One that only its port tells of, and a rule for such as it.
      const port = ['--port', String(server.port), '--health-url', 'http://127.0.0.1:9/health']
      await run(['add', 'till', '--host', '127.0.0.1', ...port, '--offline-after', '1s', '--tag', 'shop'])
      const values = { nodeTags: ['shop'], keepFiringForMs: 0 }
      await master.look('alerts.setRule', { rule: 'node-offline', values })
      const alertOf = async (state: AlertState): Promise<AlertIncident | null> => {
        await master.look('nodes.checkNodeStatus', { nodeId: 'till' })
        const { alerts } = await master.look('alerts.list', { rule: 'node-offline', states: [state] })
        return alerts[0] ?? null
      }
      expect(await alertOf('firing')).toBeNull()
      await server.off()
      expect(((await run(['check', 'web'])).json() as Checked).check).toMatchObject({ tcp: { code: 'refused' } })
      const fired = await until('an alert says that the node is gone', () => alertOf('firing'))
      const listed = await master.ask<{ alerts: AlertIncident[] }>('alerts', 'list', '--edge', 'till')
      expect(listed.alerts).toMatchObject([
        { id: fired.id, text: `The node cannot be reached: TCP port ${server.port}: nobody listens there` },
      ])
      await server.on()
      expect(await until('it is over', () => alertOf('resolved'))).toMatchObject({
        ...{ id: fired.id, edgeName: 'till', resolvedBecause: 'cleared' },
      })
      await run(['remove', 'till'])
      const before = (await run(['show', 'web'])).json() as NodeView
      await master.end()
      said.push(master.log)
      master = await start()
      // One cycle runs at the start, with what was kept.
      const after = await until(
        'it is checked again',
        async () => {
          const [found] = ((await run(['list', '--text', 'web'])).json() as { nodes: NodeView[] }).nodes
          return found?.lastCheck?.by === 'schedule' && found.lastCheck.ssh.state === 'ok' ? found : null
        },
        30_000,
      )
      expect(after).toMatchObject({ id: before.id, hostKey: before.hostKey, secretsSet: before.secretsSet })
      await run(['history', 'web'])
      await run(['uptime', 'web'])
      await run(['keys'])
      expect((await run(['remove', 'local'])).failure()).toMatchObject({ code: 'refused' })

      const words = [passphrase, password, secretLine]
      const outside = filesWith(data.dir, words).filter((file) => !file.startsWith(`secrets${path.sep}`))
      expect(outside).toEqual([])
      expect(filesWith(path.join(data.dir, 'secrets'), words)).toHaveLength(1)
      said.push(master.log)
      for (const word of words) expect(said.join('\n').includes(word)).toBe(false)
      await run(['remove', 'web'])
      expect(filesWith(data.dir, words)).toEqual([])
    } finally {
      await master.end()
    }
  }, 180_000)
})

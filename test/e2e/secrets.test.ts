import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { SecretView } from '../../shared/console/secret-operations'
import type { ModuleView } from '../../shared/model/modules'
import { holdfast, type ControllerProcess } from '../support/controller'
import { sendLogs, otlpUrl } from '../support/otlp-sender'
import { startSimulator } from '../support/simulators/simulator'
import { applyDocuments, Site } from '../support/site'

const name = 'hall/projector'
const first = 'first-word-7f3a91c2'
const second = 'second-word-d04be8a6'

/** A site whose projector takes a password that no document holds. */
async function secretSite(): Promise<Site> {
  const site = await Site.driven()
  try {
    const projector = site.use(await startSimulator('pjlink', { password: first }))
    await applyDocuments(site.master, [
      {
        kind: 'module',
        name: 'projector',
        driver: 'pjlink',
        uri: projector.uri.replace(/^tcp:/, 'pjlink:'),
        settings: { password: { secretRef: name }, pollMs: 1_000 },
      },
    ])
    return site
  } catch (error) {
    await site[Symbol.asyncDispose]()
    throw error
  }
}

const setAt = (controller: ControllerProcess, value: string) =>
  holdfast(['secret', 'set', name, '--data', controller.data, '--json'], { input: `${value}\n` })
const listAt = (controller: ControllerProcess) => controller.ask<SecretView[]>('secret', 'list')
const projectorOf = async (controller: ControllerProcess): Promise<ModuleView | undefined> =>
  (await controller.status()).modules.find((module) => module.name === 'projector')
const connected = (site: Site) =>
  site.until('the projector answers', async () => (await projectorOf(site.edge))?.connected === true, 30_000)

/** Files below that hold one of the words, as it is or in another writing of its bytes. */
function filesWith(folder: string, words: readonly string[]): string[] {
  const forms = words.flatMap((word) => {
    const bytes = Buffer.from(word)
    return [
      word,
      bytes.toString('hex'),
      bytes
        .toString('base64')
        .replace(/[^a-zA-Z0-9]*$/, '')
        .slice(0, -1),
    ]
  })
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(path.join(folder, file)).isFile())
    .filter((file) => {
      const text = readFileSync(path.join(folder, file)).toString('latin1')
      return forms.some((form) => text.includes(form))
    })
}

describe.concurrent('a secret that a document names', () => {
  it('is missed by name, comes to the edge that needs it, follows its changes, and is at hand without a master and after a restart', async () => {
    await using site = await secretSite()
    await site.until('the module says what it misses', async () => (await projectorOf(site.edge))?.state === 'failed')
    expect((await projectorOf(site.edge))?.fault).toContain(`holdfast secret set ${name}`)
    await site.until('the master tells of it', async () =>
      (await site.master.edge()).needs.some(({ text }) => text.includes(name)),
    )
    expect(await listAt(site.edge)).toMatchObject([{ name, state: 'missing', usedBy: [{ name: 'projector' }] }])

    expect((await setAt(site.master, first)).code).toBe(0)
    await connected(site)
    expect(await listAt(site.edge)).toMatchObject([{ name, state: 'master', usedBy: [{ name: 'projector' }] }])
    expect(await listAt(site.master)).toMatchObject([{ name, state: 'here', by: expect.any(String) as string }])
    const { restarts = 0 } = (await projectorOf(site.edge)) ?? {}

    // Another word: the projector does not take it.
    expect((await setAt(site.master, second)).code).toBe(0)
    await site.until('it is used', async () => (await projectorOf(site.edge))?.connected === false, 30_000)
    expect((await setAt(site.master, first)).code).toBe(0)
    await connected(site)
    expect((await projectorOf(site.edge))?.restarts).toBe(restarts)

    await site.master.end()
    await site.edge.end()
    await site.startEdge()
    await site.drivenBy('edge', 30_000)
    await site.startMaster()
    await site.linked(30_000)

    await site.master.ask('secret', 'remove', name)
    await site.until('it is missed', async () => (await projectorOf(site.edge))?.state === 'failed', 30_000)
    // Set at the site it needs no master.
    expect((await setAt(site.edge, first)).code).toBe(0)
    await connected(site)
    expect(await listAt(site.edge)).toMatchObject([{ name, state: 'here' }])
  }, 180_000)

  it('is used by a master that drives for its edge', async () => {
    await using site = await secretSite()
    expect((await setAt(site.master, first)).code).toBe(0)
    await connected(site)
    await site.edge.kill()
    await site.drivenBy('master', 30_000)
  }, 120_000)

  it('lies in the secret stores alone: in no journal, export, history, log, status, buffer or answer of any command', async () => {
    await using site = await secretSite()
    const said: string[] = []
    const both = () => [site.master, site.edge]
    for (const word of [second, first]) {
      const run = await setAt(site.master, word)
      said.push(run.out, run.err)
    }
    await connected(site)
    const long = await holdfast(['secret', 'set', name, '--data', site.master.data, '--json'], {
      input: first.repeat(500),
    })
    const empty = await holdfast(['secret', 'set', name, '--data', site.master.data, '--json'], { input: '\n' })
    const misnamed = await holdfast(['secret', 'set', 'no name', '--data', site.master.data, '--json'], {
      input: first,
    })
    expect([long.code, empty.code, misnamed.code]).toEqual([2, 2, 2])
    said.push(long.out, long.err, empty.err, misnamed.out, misnamed.err)
    const debugged = site.edge.text('module', 'status', 'projector')
    await sendLogs(await otlpUrl(site.edge), 1, 5)
    for (const controller of both()) {
      for (const command of ['secret list', 'status', 'export', 'module list', 'edge log', 'sync status', 'doctor'])
        said.push(await controller.text(...command.split(' ')), (await controller.run(...command.split(' '))).out)
      said.push(JSON.stringify(await controller.status()))
    }
    said.push(await debugged, await site.master.text('edge', 'show', 'Berlin'))
    said.push(await site.master.text('data', 'logs', 'Berlin', '--limit', '1000'))
    await site.edge.end()
    await site.master.end()
    for (const controller of both()) said.push(controller.log)
    for (const word of [first, second]) for (const text of said) expect(text).not.toContain(word)

    expect(filesWith(site.masterData, [first, second])).toEqual([path.join('secrets', 'named-secrets.secret')])
    expect(filesWith(site.edgeData, [first, second])).toEqual([path.join('secrets', 'named-secrets.secret')])
    // The search finds what is there.
    expect(filesWith(site.masterData, ['Berlin'])).toContain(path.join('master', 'journal.db'))
  }, 120_000)
})

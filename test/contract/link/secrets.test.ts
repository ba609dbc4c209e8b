import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SecretsSync } from '../../../electron/edge/secrets-sync'
import type { LinkSession } from '../../../electron/link/link'
import { serveEdge, type EdgeServiceParts } from '../../../electron/master/edge-service'
import type { EdgeSite } from '../../../electron/master/edge-site'
import { systemClock } from '../../../electron/platform/clock'
import { openNamedSecrets } from '../../../electron/platform/named-secrets'
import type { Clock, NamedSecrets } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import { x25519Sealing } from '../../../electron/platform/sealing'
import { fileSecrets } from '../../../electron/platform/secrets'
import { HoldfastError } from '../../../shared/model/failures'
import type { ModuleDocument } from '../../../shared/model/documents'
import { after } from '../../../shared/model/time'
import { SECRETS_PER_REQUEST } from '../../../shared/wire/secrets'
import { connect, EDGE_ID, handlers, linkPlace, type LinkPlace } from '../../support/link'
import { until } from '../../support/until'

const clock = systemClock()
/** Waits 20 ms whatever it is asked for. */
const hasty: Clock = { ...clock, at: (_, call) => clock.at(after(clock.mono(), 20), call) }
const sealing = x25519Sealing(systemRandom())
const moduleWith = (id: string, ...names: string[]) =>
  ({ id, settings: { all: names.map((name) => ({ secretRef: name })) } }) as unknown as ModuleDocument

describe('secrets that modules of an edge name', () => {
  let place: LinkPlace
  let ofMaster: NamedSecrets
  let ofEdge: NamedSecrets
  let sync: SecretsSync
  /** By the documents of each side. */
  let atMaster: ModuleDocument[]
  let atEdge: ModuleDocument[]
  /** Everything that passed either way, as it lay in memory. */
  let passed: string
  let requests: number
  let refusal: HoldfastError | null

  beforeEach(async () => {
    place = await linkPlace()
    const { logger, folder } = place
    ofMaster = await openNamedSecrets(fileSecrets(path.join(folder, 'm')), { clock, logger })
    ofEdge = await openNamedSecrets(fileSecrets(path.join(folder, 'e')), { clock, logger })
    atMaster = atEdge = [moduleWith('one', 'hall', 'sensor')]
    passed = ''
    requests = 0
    refusal = null
    sync = new SecretsSync({ edgeId: EDGE_ID, secrets: ofEdge, sealing, clock: hasty, logger, modules: () => atEdge })
    await place.join((await place.enrolments.invite({ id: EDGE_ID }, { actor: 'test' })).code)
  })
  afterEach(async () => {
    sync[Symbol.dispose]()
    await place[Symbol.asyncDispose]()
  })

  async function link(versions?: readonly number[]): Promise<LinkSession> {
    const { edge, master } = await connect(await place.dialer(versions ? { versions } : {}), place.session())
    const parts = { secrets: ofMaster, sealing } as unknown as EdgeServiceParts
    const site = { edgeId: EDGE_ID, modules: () => atMaster } as unknown as EdgeSite
    master.open(
      handlers({
        async request(name, params) {
          requests++
          if (refusal) throw refusal
          const answer = await serveEdge(parts, site, name, params)
          passed += JSON.stringify([params, answer])
          return answer
        },
      }),
    )
    edge.open(handlers({ event: (name) => void (name === 'secrets.changed' && sync.look()) }))
    sync.linked(edge)
    return master
  }

  it('come with the link, sealed on their way, and are there after a restart without one', async () => {
    await ofMaster.set('hall', 'a word to find', 'test')
    await link()
    await until('it is there', () => ofEdge.value('hall') !== null)
    expect(ofEdge.value('hall')).toBe('a word to find')
    expect(ofEdge.value('sensor')).toBeNull()
    for (const form of ['utf8', 'base64', 'hex'] as const)
      expect(passed).not.toContain(Buffer.from('a word to find').toString(form).slice(0, 14))
    expect(place.lines.join('')).not.toContain('a word')
    const again = await openNamedSecrets(fileSecrets(path.join(place.folder, 'e')), { clock, logger: place.logger })
    expect(again.value('hall')).toBe('a word to find')
  })

  it('follow the master: what changes there, what it removes, and what its documents no longer name', async () => {
    await ofMaster.set('hall', 'first', 'test')
    await ofMaster.set('sensor', 'kept', 'test')
    const master = await link()
    await until('both are there', () => ofEdge.value('hall') === 'first' && ofEdge.value('sensor') === 'kept')
    await ofMaster.set('hall', 'second', 'test')
    master.sendEvent('secrets.changed', {})
    await until('the new one is there', () => ofEdge.value('hall') === 'second')
    await ofMaster.remove('hall')
    master.sendEvent('secrets.changed', {})
    await until('it is gone', () => ofEdge.value('hall') === null)
    atEdge = []
    sync.look()
    await until('nothing is kept that nobody needs', () => ofEdge.list().length === 0)
  })

  it('are those of its own modules by the documents of the master, whatever it asks for', async () => {
    await ofMaster.set('hall', 'x', 'test')
    await ofMaster.set('of-another-edge', 'y', 'test')
    atEdge = [moduleWith('one', 'hall', 'of-another-edge')]
    await link()
    await until('its own is there', () => ofEdge.value('hall') !== null)
    expect(ofEdge.value('of-another-edge')).toBeNull()
  })

  it('that were set at the site are not asked for', async () => {
    await ofEdge.set('hall', 'of the site', 'test')
    await ofMaster.set('hall', 'of the master', 'test')
    await ofMaster.set('sensor', 'x', 'test')
    await link()
    await until('the other one is there', () => ofEdge.value('sensor') !== null)
    expect(ofEdge.value('hall')).toBe('of the site')
    expect(ofEdge.list().map(({ name, from }) => `${name} ${from}`)).toEqual(['hall here', 'sensor master'])
  })

  it('come in several requests when there are many', async () => {
    const names = Array.from({ length: SECRETS_PER_REQUEST + 1 }, (_, n) => `s${n}`)
    for (const name of names) await ofMaster.set(name, `value of ${name}`, 'test')
    atMaster = atEdge = [moduleWith('one', ...names)]
    await link()
    await until('all are there', () => ofEdge.list().length === names.length)
    expect(requests).toBe(2)
    expect(ofEdge.value('s200')).toBe('value of s200')
  })

  it('are kept while the master refuses, and asked for again', async () => {
    await ofEdge.give(new Map([['hall', 'old']]))
    await ofMaster.set('hall', 'new', 'test')
    refusal = new HoldfastError('storage', 'The disk is full')
    await link()
    await until('it asked', () => requests > 0)
    expect(ofEdge.value('hall')).toBe('old')
    refusal = null
    await until('it asked again', () => ofEdge.value('hall') === 'new')
  })

  it('are kept while the master cannot read its own', async () => {
    await ofMaster.set('hall', 'a word', 'test')
    const before = await link()
    await until('it is there', () => ofEdge.value('hall') !== null)
    before.close('a restart of the master')
    writeFileSync(path.join(place.folder, 'm', 'named-secrets.secret'), 'sealed:1:by a key store that is locked now')
    ofMaster = await openNamedSecrets(fileSecrets(path.join(place.folder, 'm')), { clock, logger: place.logger })
    requests = 0
    await link()
    await until('it has asked twice', () => requests > 1)
    expect(ofEdge.value('hall')).toBe('a word')
  })

  it('stay as they are on a link of version 2', async () => {
    await ofEdge.give(new Map([['hall', 'old']]))
    const master = await link([2, 1])
    sync.look()
    await master.request('inventory.read', { cursor: null }).catch(() => {})
    expect([requests, ofEdge.value('hall')]).toEqual([0, 'old'])
  })
})

import { mount } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { operations } from '../../../shared/console/contract'
import {
  additionOf,
  changesOf,
  draftOf,
  fieldErrorsOf,
  filterOf,
  nameOfActor,
  tagsIn,
} from '../../../renderer/features/nodes/nodes'
import CheckSteps from '../../../renderer/features/nodes/check-steps.vue'
import NodeTable from '../../../renderer/features/nodes/node-table.vue'
import { i18n, setLanguage } from '../../../renderer/i18n'
import { slotsOf, windowOf } from '../../../renderer/live-list'
import { clockKey } from '../../../renderer/ui/clock'
import { nodeSayings, type NodeSaid } from '../../../shared/model/fleet'
import { nodeInEnglish, nodeText } from '../../../shared/text/node-said'
import { checkOfNode, nodeSample } from '../../support/node-samples'

describe('the list of nodes', () => {
  it('has a row for each that passes the filter, with those that have come, each once', () => {
    const [a, b] = [nodeSample({ id: 'a' }), nodeSample({ id: 'b' })]
    // `b` moved into the second page meanwhile, while the first is still what it was.
    const slots = slotsOf(
      6,
      new Map([
        [0, [a, b]],
        [1, [b]],
      ]),
      2,
    )
    expect(slots.map(({ index, node }) => [index, node?.id ?? null])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, null],
      [3, null],
      [4, null],
      [5, null],
    ])
  })
  it.each([
    [0, 12, { offset: 0, limit: 50 }],
    [40, 61, { offset: 0, limit: 100 }],
    [9_990, 9_999, { offset: 9_950, limit: 50 }],
    [0, 9_999, { offset: 0, limit: 200 }],
  ])('asks for the pages that hold rows %i to %i, and not for all of them', (first, last, expected) => {
    expect(windowOf(first, last, 50, 4)).toEqual(expected)
  })
  it('is filtered and sorted by the controller', () => {
    const asked = filterOf(' web ', 'offline', { key: 'lastSeen', descending: true })
    expect(asked).toEqual({ text: 'web', statuses: ['offline'], sort: 'lastSeen', isDescending: true })
    expect(filterOf('', 'nonsense', { key: 'menu', descending: false })).toEqual({ sort: 'name', isDescending: false })
    expect(operations['nodes.listNodes'].input.parse(asked)).toMatchObject(asked)
  })
})

describe('what the last check found', () => {
  const refused: NodeSaid = { key: 'refused', step: 'tcp', params: { port: 22 } }
  const step = { state: 'failed', code: 'refused', cause: nodeInEnglish(refused), ms: 1 } as const
  const shown = (said: NodeSaid | null) => {
    const check = checkOfNode({ status: 'offline', cause: step.cause, said, tcp: { ...step, said } })
    const wrapper = mount(CheckSteps, {
      props: { check, isLocal: false },
      global: { plugins: [i18n], provide: { [clockKey]: shallowRef(check.at) } },
    })
    return wrapper.get('[data-testid=check-steps]').text()
  }
  afterEach(() => setLanguage('en'))

  it('is told in the language of the page, and as it was written where an older version found it', async () => {
    expect(shown(refused)).toContain('TCP port 22: nobody listens there')
    await setLanguage('de')
    expect(shown(refused)).toContain('TCP-Port 22: dort nimmt niemand Verbindungen an')
    expect(shown(null)).toContain('TCP port 22: nobody listens there')
  })
  it.each(nodeSayings)('is what the command line says: %s', (key) => {
    const said: NodeSaid = { key, step: 'ssh', params: { port: 22, seconds: 5, fingerprint: 'SHA256:a|@{b}' } }
    const { t } = i18n.global as unknown as { t: (key: string, params?: object) => string }
    expect(nodeText((name, params = {}) => t(name, params), { said, cause: null })).toBe(nodeInEnglish(said))
  })
})

describe('who did something to a node', () => {
  it.each([
    ['user:anna', 'anna'],
    ['cli:root', 'root'],
    ['browser:d8afdc08', null],
    ['system:setup', null],
    ['schedule', null],
  ])('%s is called %s', (actor, name) => expect(nameOfActor(actor)).toBe(name))
})

describe('the form of a node', () => {
  it('begins with the usual login, and what it asks for is accepted', () => {
    const draft = { ...draftOf(null), name: ' web-1 ', host: '10.0.0.7', tags: 'hall, , hall,till' }
    const asked = additionOf(draft)
    expect(asked).toMatchObject({
      name: 'web-1',
      ssh: { port: 22, user: 'root', method: 'key' },
      tags: ['hall', 'till'],
    })
    expect(asked).not.toHaveProperty('secrets')
    expect(operations['nodes.addNode'].input.safeParse(asked).success).toBe(true)
    expect(tagsIn('')).toEqual([])
  })
  it('sends what was changed and nothing else', () => {
    const node = nodeSample()
    expect(changesOf(draftOf(node), node)).toEqual({})
    const changed = { ...draftOf(node), host: '10.0.0.8', port: 2_222 }
    expect(changesOf(changed, node)).toEqual({
      host: '10.0.0.8',
      ssh: { port: 2_222, user: 'root', method: 'key', keyName: null },
    })
  })
  it('keeps a secret that is set unless another is typed or it is taken away', () => {
    const node = nodeSample()
    const typed = { ...draftOf(node), password: 'new one' }
    expect(changesOf(typed, node)).toEqual({ secrets: { password: 'new one' } })
    const taken = { ...draftOf(node), forgets: { privateKey: true, passphrase: false, password: false } }
    expect(changesOf(taken, node)).toEqual({ secrets: { privateKey: null } })
  })
  it('puts what the controller refuses beside the field', () => {
    const refused = operations['nodes.addNode'].input.safeParse({
      ...additionOf({ ...draftOf(null), name: 'x', host: 'no such host', user: 'a b' }),
    })
    const details = refused.error!.issues.map(({ path, message }) => ({ field: path.join('.'), message }))
    expect(fieldErrorsOf({ code: 'invalid', message: 'host: …', details })).toEqual({
      host: 'a host name or an IP address, without port',
      user: 'a user name without blanks',
    })
    expect(fieldErrorsOf({ code: 'conflict', message: 'There is one already.' })).toEqual({})
  })
})

describe('a row of the list', () => {
  it('says what was found in two lines at most, also where another key is shown', () => {
    const offeredHostKey = { type: 'ssh-ed25519', fingerprint: `SHA256:${'A'.repeat(43)}`, at: 1 }
    const nodes = [nodeSample({ id: 'a', offeredHostKey }), nodeSample({ id: 'b' })]
    const rows = nodes.map((node, index) => ({ index, node }))
    const table = () =>
      h(NodeTable, {
        ...{ rows, selected: null, busy: new Set<string>(), barOf: () => null, menu: () => [] },
        sorting: { key: 'name', descending: false },
      })
    const wrapper = mount(() => h(TooltipProvider, table), {
      attachTo: document.body,
      global: { plugins: [i18n], provide: { [clockKey]: shallowRef(1) }, stubs: { RouterLink: true } },
    })
    const lines = wrapper
      .findAll('[data-testid=found]')
      .map((found) => found.classes().filter((name) => name.startsWith('line-clamp')))
    wrapper.unmount()
    // Of two such classes the style sheet decides, not the row: only one may stand.
    expect(lines).toEqual([['line-clamp-1'], ['line-clamp-2']])
  })
})

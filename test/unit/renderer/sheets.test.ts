import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef, type Component } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import type { SubscriptionHandlers } from '../../../shared/console/connection'
import { usualCheckConfig } from '../../../shared/model/fleet'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import SilenceCard from '../../../renderer/features/data/silence-card.vue'
import BulkEditSheet from '../../../renderer/features/fleet/bulk-edit-sheet.vue'
import CodesSheet from '../../../renderer/features/fleet/codes-sheet.vue'
import StoppedNote from '../../../renderer/features/fleet/stopped-note.vue'
import SilenceDialog from '../../../renderer/features/data/alerting/silence-dialog.vue'
import CheckConfigDialog from '../../../renderer/features/nodes/check-config-dialog.vue'
import NodeDialog from '../../../renderer/features/nodes/node-dialog.vue'
import NodeSheet from '../../../renderer/features/nodes/node-sheet.vue'
import DiagnosticsSection from '../../../renderer/features/settings/diagnostics-section.vue'
import InviteList from '../../../renderer/features/settings/invite-list.vue'
import TokenDialog from '../../../renderer/features/settings/accounts/token-dialog.vue'
import SecretSection from '../../../renderer/features/settings/secret-section.vue'
import PauseDialog from '../../../renderer/features/site/pause-dialog.vue'
import DocumentEditor from '../../../renderer/features/site/document/document-editor.vue'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import FormDialog from '../../../renderer/ui/form-dialog.vue'
import { makeToasts, toastsKey } from '../../../renderer/ui/toasts'
import { AT, checkSample, edgeSample, statusSample } from '../../support/console-samples'
import { documentSample } from '../../support/fixture-sites'
import { nodeSample, nodeTotals } from '../../support/node-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'admin', actor: 'user:anna', at: AT } as const
const isOpen: BridgeState = { name: 'open', since: AT, hello }
const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})
type Answers = Record<string, (params: never) => unknown>

/** A part on a page that is signed in as an admin, and the controller behind it: what it answers, and with `breaks` what it refuses to. */
async function show(
  part: Component,
  props: Record<string, unknown>,
  answers: Answers,
  bodies: Record<string, unknown>,
  brokenFirst: readonly string[] = [],
) {
  const asked: [op: string, params: unknown][] = []
  const broken = new Set(brokenFirst)
  const state = shallowRef<BridgeState>(isOpen)
  const now = shallowRef(AT)
  const bridge = {
    state,
    subscribe(topic: string, _: unknown, handlers: SubscriptionHandlers<never>) {
      if (topic in bodies) handlers.body(bodies[topic] as never, 0)
      return () => {}
    },
    async call(op: string, params: unknown) {
      asked.push([op, params])
      if (broken.has(op)) return { ok: false, code: 'busy', message: 'The controller is loading.' }
      const answer = answers[op]
      return answer ? { ok: true, value: answer(params as never) } : { ok: false, code: 'unknown', message: op }
    },
  } as unknown as Bridge
  const given = shallowRef<Record<string, unknown>>({
    'onUpdate:open': (open: boolean) => void (given.value = { ...given.value, open }),
    ...props,
  })
  const wrapper = mount(() => h(TooltipProvider, () => h(part, given.value)), {
    attachTo: document.body,
    global: {
      plugins: [i18n, createPinia()],
      provide: { [clockKey]: now, [bridgeKey]: bridge, [toastsKey]: makeToasts() },
      stubs: { LeaveGuard: true },
    },
  })
  unmounts.push(() => wrapper.unmount())
  await flushPromises()
  const text = () => document.body.textContent.replaceAll(/\s+/g, ' ')
  const press = async (label: string) => {
    const buttons = [...document.querySelectorAll<HTMLElement>('button, [role=checkbox], [role=switch]')]
    const button = buttons.find((one) => one.textContent.trim() === label || one.dataset['testid'] === label)
    if (!button) throw new Error(`There is no ${label} in: ${text()}`)
    button.click()
    await flushPromises()
  }
  const type = async (field: HTMLInputElement, words: string) => {
    field.value = words
    field.dispatchEvent(new Event('input', { bubbles: true }))
    field.dispatchEvent(new Event('change', { bubbles: true }))
    await flushPromises()
  }
  const change = async (more: Record<string, unknown>) => {
    given.value = { ...given.value, ...more }
    await flushPromises()
  }
  const comeBack = async () => {
    state.value = { name: 'lost', since: AT, retryAt: AT }
    await flushPromises()
    state.value = isOpen
    await flushPromises()
  }
  const opsOf = (op: string) => asked.filter(([one]) => one === op)
  return { broken, change, comeBack, now, opsOf, press, text, type }
}

const code = {
  ...{ tokenId: 't1', edgeId: 'berlin', edgeName: 'Berlin', madeBy: 'cli:kim', madeAt: AT - 60_000 },
  ...{ expiresAt: AT + 60_000, state: 'open' },
}
const site = (id: string, name: string) => ({
  ...edgeSample(),
  ...{ id, name, ref: id, seenFrom: 'master', autonomyAt: null, documentsHead: 7 },
})
const sites = [site('berlin', 'Berlin'), site('lyon', 'Lyon')]
const stored = (revision: number) =>
  sites.map(({ id, name }) => ({ kind: 'edge', id, revision, body: documentSample(id, name) }))
const documentOf = (name: string, revision = 7) => ({
  document: { ...documentSample('berlin', 'Berlin'), name },
  revision,
})
const onlyBodies = { status: { ...statusSample(), role: 'master' } }
const nothingOpen = { openings: [], timeZone: 'UTC' }

/** What it shows, what it asks for that, and words that are there with the answer. */
interface Part {
  readonly called: string
  readonly part: Component
  readonly op: string
  readonly value: unknown
  readonly words: string
  readonly props?: Record<string, unknown>
}
const parts: readonly Part[] = [
  { called: 'the sheet of join codes', part: CodesSheet, op: 'invites.list', value: [code], words: 'Berlin' },
  {
    ...{ called: 'the form of the checks', part: CheckConfigDialog, op: 'nodes.getCheckConfig' },
    ...{ value: usualCheckConfig, words: 'Check by schedule' },
  },
  {
    ...{ called: 'the sheet of a bulk edit', part: BulkEditSheet, op: 'documents.export', props: { sites } },
    ...{ value: { head: 7, documents: stored(7) }, words: 'Change: Take over after' },
  },
  {
    ...{ called: 'the editor of a document', part: DocumentEditor, op: 'edges.show', props: { edge: 'berlin' } },
    ...{ value: documentOf('Berlin'), words: 'Name' },
  },
]

describe.each(parts)('$called', ({ part, op, value, words, props = {} }) => {
  it('says why nothing came, asks again when told to, and shows what it had with its age when asking fails later', async () => {
    const answers = { [op]: () => value, 'windows.preview': () => nothingOpen }
    const given = { ...props, ...(part === DocumentEditor ? {} : { open: true }) }
    const { broken, comeBack, press, text } = await show(part, given, answers, onlyBodies, [op])
    expect(text()).toContain('The controller is loading.')
    expect(text()).not.toMatch(/as of \d/)
    broken.clear()
    await press('Try again')
    expect(text()).toContain(words)
    expect(text()).not.toContain('The controller is loading.')
    broken.add(op)
    await comeBack()
    expect(text()).toMatch(new RegExp(`The controller is loading\\..*as of \\d+:\\d+.*${words}`))
  })
})

describe.each(parts.slice(0, 3))('$called', ({ part, op, value, words, props = {} }) => {
  it('asks for nothing while it is closed, and for all of it anew when it is opened', async () => {
    const { change, comeBack, opsOf, text } = await show(part, { ...props, open: false }, { [op]: () => value }, {})
    await comeBack()
    expect(opsOf(op)).toEqual([])
    await change({ open: true })
    await change({ open: false })
    await change({ open: true })
    expect(opsOf(op)).toHaveLength(2)
    expect(text()).toContain(words)
  })
})

describe('the sheet of join codes', () => {
  it('says beside the codes why one could not be taken back', async () => {
    const answers = { 'invites.list': () => [code], 'invites.revoke': () => ({}) }
    const { broken, opsOf, press, text } = await show(CodesSheet, { open: true }, answers, {})
    broken.add('invites.revoke')
    await press('code-revoke')
    expect(text()).toMatch(/The controller is loading\..*Berlin/)
    // The list itself is as it was told: nothing of it has an age.
    expect(text()).not.toMatch(/as of \d|Try again/)
    broken.clear()
    await press('code-revoke')
    expect(text()).not.toContain('The controller is loading.')
    expect(opsOf('invites.list')).toHaveLength(2)
  })
})

describe('the form of the checks', () => {
  it('keeps what was typed when the controller comes back, and sends that alone', async () => {
    let config = usualCheckConfig
    const answers = { 'nodes.getCheckConfig': () => config, 'nodes.setCheckConfig': () => config }
    const { comeBack, opsOf, press } = await show(CheckConfigDialog, { open: true }, answers, {})
    document.querySelector<HTMLElement>('[data-testid=check-config-form] [role=switch]')!.click()
    await flushPromises()
    config = { ...usualCheckConfig, historyMax: 77 }
    await comeBack()
    expect(opsOf('nodes.getCheckConfig')).toHaveLength(2)
    await press('save-config')
    expect(opsOf('nodes.setCheckConfig')).toEqual([['nodes.setCheckConfig', { isEnabled: false }]])
  })
})

describe('the editor of a document', () => {
  const nameField = () => document.querySelector<HTMLInputElement>('form input')!

  it('keeps what was typed and what it was made of when the controller comes back, and drops it when told to', async () => {
    let answer = documentOf('Berlin')
    const answers = {
      ...{ 'edges.show': () => answer, 'windows.preview': () => nothingOpen },
      'edges.set': () => ({ revision: 9, differences: [] }),
    }
    const { comeBack, opsOf, press, type } = await show(DocumentEditor, { edge: 'berlin' }, answers, onlyBodies)
    await type(nameField(), 'Berlin Mitte')
    answer = documentOf('Berlin of another', 8)
    await comeBack()
    expect([opsOf('edges.show').length, nameField().value]).toEqual([2, 'Berlin Mitte'])
    await press('save-document')
    const saved = opsOf('edges.set').map(([, params]) => params)
    expect(saved).toEqual([{ edge: 'berlin', values: { name: 'Berlin Mitte' }, revision: 7 }])
    await type(nameField(), 'Berlin Ost')
    await press('Discard')
    expect(nameField().value).toBe('Berlin of another')
  })

  it('shows what is stored now when nothing was typed and the controller comes back', async () => {
    let answer = documentOf('Berlin')
    const answers = { 'edges.show': () => answer, 'windows.preview': () => nothingOpen }
    const { comeBack } = await show(DocumentEditor, { edge: 'berlin' }, answers, onlyBodies)
    answer = documentOf('Berlin of another', 8)
    await comeBack()
    expect(nameField().value).toBe('Berlin of another')
  })

  it('of an edge asks for the copy that it works from', async () => {
    const answers = { 'documents.export': () => ({ head: 7, documents: stored(7) }) }
    const bodies = { status: { ...statusSample(), role: 'edge' } }
    const { opsOf } = await show(DocumentEditor, { edge: 'berlin' }, answers, bodies)
    expect(nameField().value).toBe('Berlin')
    expect(opsOf('edges.show')).toEqual([])
  })
})

describe('the sheet of a bulk edit', () => {
  it('goes on about the sites that it was opened for when the page chooses none any more', async () => {
    const answers = { 'documents.export': () => ({ head: 7, documents: stored(7) }) }
    const { change, comeBack, press, text } = await show(BulkEditSheet, { open: true, sites }, answers, {})
    await change({ sites: [] })
    await comeBack()
    await press('bulk-failover')
    document.querySelector<HTMLElement>('[data-testid=bulk-form] [role=switch]')!.click()
    await flushPromises()
    expect(text()).toMatch(/^Change 2 edges.*Change 2 edges/)
  })
})

describe('storing that stopped halfway', () => {
  it('says how far it came and why it stopped, in the words of what was stored', async () => {
    const failure = { code: 'busy', message: 'The master is loading.' }
    const stopped = { done: 1_200, total: 2_700, failure }
    const { text, change } = await show(StoppedNote, { stopped, text: 'fleet.importStopped' }, {}, {})
    expect(text()).toMatch(/1,200 of 2,700 documents were stored.*The master is loading\./)
    await change({ text: 'fleet.bulkStopped' })
    expect(text()).toMatch(/1,200 of 2,700 edges are changed.*The master is loading\./)
  })
})

describe('the sheet of a node', () => {
  it('asks for no checks while there is no node to look at', async () => {
    const node = nodeSample()
    const answers = { 'nodes.getCheckHistory': () => [] }
    const bodies = { nodes: { nodes: [node], total: 1, offset: 0, totals: nodeTotals } }
    const { change, opsOf } = await show(NodeSheet, { id: null, busy: new Set(), menu: () => [] }, answers, bodies)
    expect(opsOf('nodes.getCheckHistory')).toEqual([])
    await change({ id: node.id })
    expect(opsOf('nodes.getCheckHistory')).toEqual([['nodes.getCheckHistory', { nodeId: node.id, limit: 50 }]])
  })
})

describe('a form in a dialog', () => {
  const silenced = { rules: [{ value: 'hot', text: 'Hot rack' }], sites: [] }
  const anna = { id: 'anna', name: 'Anna', role: 'admin' }
  const dialogs: readonly [string, Component, Record<string, unknown>, press?: string][] = [
    ['of the checks', CheckConfigDialog, {}],
    ['of a node', NodeDialog, { node: null }],
    ['of a silence', SilenceDialog, silenced],
    ['of a token', TokenDialog, { user: anna, isOwn: true }],
    ['of a pause', PauseDialog, { site: sites[0] }],
    ['of a secret', SecretSection, {}, 'add-secret'],
  ]
  it.each(dialogs)(
    '%s has a button of its own that sends it, so that Enter in a field does',
    async (_, part, props, opener) => {
      const answers = { 'nodes.getCheckConfig': () => usualCheckConfig, 'secrets.list': () => [] }
      const { change, press } = await show(part, { ...props, open: false }, answers, onlyBodies)
      await (opener === undefined ? change({ open: true }) : press(opener))
      const [form, ...others] = document.querySelectorAll<HTMLFormElement>('[role=dialog] form')
      expect(others).toEqual([])
      const buttons = [...document.querySelectorAll<HTMLButtonElement>('[role=dialog] button')]
      expect(buttons.filter(({ type, form: of }) => type === 'submit' && of === form)).toHaveLength(1)
    },
  )

  it('is sent once by its button, and by nothing while it is busy or may not be sent', async () => {
    let sent = 0
    const props = { open: true, title: 'New', text: 'Make', busy: false, onSend: () => (sent += 1) }
    const { change, press } = await show(FormDialog, props, {}, {})
    await press('Make')
    expect(sent).toBe(1)
    await change({ busy: true })
    await press('Make')
    document.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await change({ busy: false, reason: 'Not now.' })
    document.querySelector<HTMLElement>('[role=dialog] [type=submit]')!.click()
    expect(sent).toBe(1)
  })
})

describe('a button of a row', () => {
  const secret = (name: string) => ({ name, state: 'here', setAt: AT, by: null, usedBy: [] })
  const silence = (id: string, reason: string) => ({
    ...{ id, reason, by: 'user:anna', until: AT + 60_000 },
    matcher: { ruleId: null, edgeId: 'berlin', edgeName: 'Berlin', series: null },
  })
  const failed = (id: string) => ({ ...checkSample(), id, result: 'fail', isFixable: true })
  const checks = { startedAt: AT, finishedAt: AT, total: 2, checks: [failed('versions'), failed('free-space')] }
  const rows: readonly [string, Component, Record<string, unknown>, Answers, RegExp][] = [
    ['secrets', SecretSection, {}, { 'secrets.list': () => [secret('lamp'), secret('door')] }, /lamp|door/],
    [
      ...(['silences', SilenceCard] as const),
      { silences: [silence('1', 'The fan is changed.'), silence('2', 'The line is mended.')], ruleNames: new Map() },
      ...([{}, /fan|line/] as const),
    ],
    ['checks', DiagnosticsSection, {}, { 'diagnostics.checks': () => checks }, /Fix it: ./],
    [
      ...(['join codes', InviteList, {}] as const),
      { 'invites.list': () => [code, { ...code, tokenId: 't2', edgeName: 'Lyon' }] },
      /Berlin|Lyon/,
    ],
  ]
  it.each(rows)('of %s says which one it is about', async (_, part, props, answers, names) => {
    await show(part, props, answers, { ...onlyBodies, diagnostics: checks })
    const buttons = [...document.querySelectorAll('[role=row] button, li button')]
    const labels = buttons.map((button) => button.getAttribute('aria-label') ?? button.textContent)
    const named = labels.filter((label) => names.test(label))
    expect(labels.length).toBeGreaterThanOrEqual(2)
    expect([named.length, new Set(labels).size]).toEqual([labels.length, labels.length])
  })
})

describe('the join codes among the settings', () => {
  it('offer nothing to take back of a code that ran out while it was looked at', async () => {
    const { now, press, text } = await show(InviteList, {}, { 'invites.list': () => [code] }, {})
    now.value = code.expiresAt
    await flushPromises()
    expect(text()).toContain('expired')
    await expect(press('invite-revoke')).rejects.toThrow('There is no')
  })
})

import { flushPromises, mount } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import { bridgeKey, type Bridge } from '../../../renderer/bridge'
import ImportSheet from '../../../renderer/features/fleet/import-sheet.vue'
import { FILE_BYTES_MAX, useImport } from '../../../renderer/features/fleet/importing'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { makeToasts, toastsKey } from '../../../renderer/ui/toasts'
import { documentParts, trialParts } from '../../../shared/console/document-parts'
import { MESSAGE_ITEMS_BYTES_MAX } from '../../../shared/console/parts'
import type { SiteChange } from '../../../shared/model/documents'
import type { Failure } from '../../../shared/model/failures'

const SITES = 900
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length
/** Of each site its system first, which refers to what comes after it. */
const documents = Array.from({ length: SITES }, (_, n) => [
  { kind: 'system', id: `s${n}`, name: `S ${n}`, edgeId: `e${n}`, modules: [`m${n}`] },
  { kind: 'module', id: `m${n}`, name: `M ${n}`, driver: 'logic' },
  { kind: 'edge', id: `e${n}`, name: `Größe ${n}`, description: '中'.repeat(600) },
]).flat()
const changes = documents.map(({ kind, ...body }) => ({ op: 'put', kind, body }) as SiteChange)
const TOTAL = changes.length

/** A controller that judges as the real one does, and notes what it was asked. */
function controller() {
  const stored = new Map<string, { kind: string; id: string; revision: number; body: unknown }>()
  const asked: { changes: SiteChange[]; dryRun: boolean }[] = []
  let failure: Failure | null = null
  let stepsLeft = Infinity
  const context = { checkModule: () => [], checkSchedule: () => [], isTimeZone: () => true, defaultTimeZone: 'UTC' }
  const current = {
    get: (kind: string, id: string) => stored.get(`${kind} ${id}`) ?? null,
    list: (kind: string) => [...stored.values()].filter((one) => one.kind === kind),
  }
  const call = async (_: string, params: { changes: SiteChange[]; dryRun?: boolean }) => {
    const { changes: some, dryRun = false } = params
    asked.push({ changes: some, dryRun })
    if (!dryRun && stepsLeft-- <= 0 && failure) return { ok: false, ...failure }
    const outcome = checkDocuments(some, current as never, context)
    if (!outcome.ok) {
      const first = 'problems' in outcome ? outcome.problems[0]?.message : 'conflict'
      return { ok: false, code: 'invalid', message: String(first) }
    }
    if (!dryRun)
      for (const write of outcome.writes)
        if (write.op === 'put') stored.set(`${write.kind} ${write.id}`, { ...write, revision: 1 })
    return { ok: true, value: { head: 1, differences: outcome.differences } }
  }
  const failAfter = (steps: number, why: Failure | null) => {
    stepsLeft = steps
    failure = why
  }
  return { bridge: { call } as unknown as Bridge, asked, stored, failAfter }
}
const textOf = (some: readonly object[]) => some.map((one) => JSON.stringify(one)).join('\n---\n')
const fileOf = (text: string, size = text.length) => ({ name: 'sites.yaml', size, text: async () => text })

const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})

describe('documents that are too many for one message', () => {
  it('are stored in steps that fit, what is referred to before what refers to it', () => {
    const parts = documentParts(changes, MESSAGE_ITEMS_BYTES_MAX)
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.every((part) => bytesOf(part) <= MESSAGE_ITEMS_BYTES_MAX)).toBe(true)
    const kinds = parts.flat().map(({ kind }) => kind)
    expect([kinds.length, kinds.lastIndexOf('edge') < kinds.indexOf('module')]).toEqual([TOTAL, true])
    expect(kinds.lastIndexOf('module')).toBeLessThan(kinds.indexOf('system'))
  })
  it('are tried in pieces of which each holds what it names, and every document is in one', () => {
    const parts = trialParts(changes, MESSAGE_ITEMS_BYTES_MAX)
    expect(parts.every((part) => bytesOf(part) <= MESSAGE_ITEMS_BYTES_MAX)).toBe(true)
    expect(new Set(parts.flat()).size).toBe(TOTAL)
    const { bridge } = controller()
    return Promise.all(
      parts.map(async (part) =>
        expect(await bridge.call('documents.apply', { changes: part, dryRun: true })).toMatchObject({ ok: true }),
      ),
    )
  })
  it('are found to be twice in the file however far apart they are', () => {
    const twice = [...changes, changes[0]!]
    const parts = trialParts(twice, MESSAGE_ITEMS_BYTES_MAX)
    expect(parts.filter((part) => part.filter((one) => one === changes[0]).length > 0)).toHaveLength(1)
    const other = { ...changes[0]!, body: { ...documents[0], name: 'Other' } } as SiteChange
    const [with2] = trialParts([...changes, other], MESSAGE_ITEMS_BYTES_MAX).filter((part) => part.includes(other))
    expect(with2).toContain(changes[0])
  })
  it('are no more than so many in one step, however short they are', () => {
    const short = Array.from({ length: 20_001 }, (_, n): SiteChange => ({ op: 'delete', kind: 'edge', id: `e${n}` }))
    expect(documentParts(short, 2 ** 24).map(({ length }) => length)).toEqual([20_000, 1])
    expect(trialParts(short, 2 ** 24).map(({ length }) => length)).toEqual([20_000, 1])
  })
})

describe('the import of a large file', () => {
  it('tries all of it before it stores any, and stores it step by step', async () => {
    const { bridge, asked, stored } = controller()
    const file = useImport(bridge)
    await file.read(fileOf(textOf(documents)))
    expect(asked.every(({ dryRun }) => dryRun)).toBe(true)
    expect([file.failure.value, file.differences.value?.length]).toEqual([null, TOTAL])
    asked.length = 0
    expect(await file.store()).toEqual({ done: TOTAL, isWhole: true })
    expect(asked.map(({ dryRun }) => dryRun)).toEqual(file.parts.value.map(() => false))
    expect([stored.size, file.progress.value]).toEqual([TOTAL, { done: TOTAL, total: TOTAL }])
  })
  it('is refused in its trial, with nothing stored, for a fault in its last document', async () => {
    const { bridge, asked, stored } = controller()
    const file = useImport(bridge)
    await file.read(fileOf(textOf([...documents, { kind: 'system', id: 'x', name: 'X', edgeId: 'nowhere' }])))
    expect(file.failure.value).toMatchObject({ message: 'There is no edge "nowhere".' })
    expect([file.differences.value, asked.some(({ dryRun }) => !dryRun), stored.size]).toEqual([null, false, 0])
  })
  it('of a file that nobody would read to its end is not begun', async () => {
    const { bridge, asked } = controller()
    const file = useImport(bridge)
    await file.read(fileOf('', FILE_BYTES_MAX + 1))
    expect([file.isTooLong.value, file.work.value, asked]).toEqual([true, null, []])
  })
  it('says what is stored when a later step is refused, what is left to do, and does the rest when it is asked again', async () => {
    const { bridge, stored, failAfter } = controller()
    const open = shallowRef(true)
    let told = 0
    const wrapper = mount(
      () =>
        h(TooltipProvider, () =>
          h(ImportSheet, {
            open: open.value,
            'onUpdate:open': (to: boolean) => (open.value = to),
            onDone: () => told++,
          }),
        ),
      {
        attachTo: document.body,
        global: {
          plugins: [i18n],
          provide: { [clockKey]: shallowRef(0), [bridgeKey]: bridge, [toastsKey]: makeToasts() },
        },
      },
    )
    unmounts.push(() => wrapper.unmount())
    await flushPromises()
    const at = (testId: string) => document.querySelector<HTMLElement>(`[data-testid=${testId}]`)
    const save = async () => {
      at('import-save')!.click()
      await flushPromises()
    }
    const input = at('import-file') as HTMLInputElement
    Object.defineProperty(input, 'files', { value: [fileOf(textOf(documents))], configurable: true })
    input.dispatchEvent(new Event('change'))
    await expect.poll(() => at('document-differences')?.textContent, { timeout: 20_000 }).toContain('2,700 new')
    expect(document.body.textContent).toContain('it is stored in 2 steps')
    failAfter(1, { code: 'busy', message: 'The master is loading.' })
    await save()
    const first = stored.size
    expect(first).toBeGreaterThan(0)
    const said = `${first.toLocaleString('en')} of 2,700 documents were stored, and stay.`
    expect(at('stopped')!.textContent).toContain(said)
    expect(at('stopped')!.textContent).toContain('The master is loading.')
    expect(at('document-differences')!.textContent).toContain(`${(TOTAL - first).toLocaleString('en')} new`)
    expect([told, open.value]).toEqual([1, true])
    failAfter(Infinity, null)
    await save()
    expect([stored.size, told, open.value]).toEqual([TOTAL, 2, false])
  })
})

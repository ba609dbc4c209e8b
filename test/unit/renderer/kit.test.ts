import { mount, type VueWrapper } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { h, nextTick, shallowRef, type Component } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { i18n } from '../../../renderer/i18n'
import { formatBytes } from '../../../renderer/ui/amount'
import AppButton from '../../../renderer/ui/app-button.vue'
import ComboField from '../../../renderer/ui/combo-field.vue'
import { chartSummary, chartTable } from '../../../renderer/ui/chart-data'
import DurationField from '../../../renderer/ui/duration-field.vue'
import InstantField from '../../../renderer/ui/instant-field.vue'
import LoadFrame from '../../../renderer/ui/load-frame.vue'
import NumberField from '../../../renderer/ui/number-field.vue'
import ProgressLine from '../../../renderer/ui/progress-line.vue'
import { makeTasks } from '../../../renderer/ui/tasks'
import TextField from '../../../renderer/ui/text-field.vue'
import ToggleChip from '../../../renderer/ui/toggle-chip.vue'
import { makeToasts } from '../../../renderer/ui/toasts'

const shown: VueWrapper[] = []
afterEach(() => {
  for (const wrapper of shown.splice(0)) wrapper.unmount()
})

/** A field with its model, as a page holds it. */
function field<T>(component: Component, props: Record<string, unknown>, first: T) {
  const model = shallowRef<T>(first)
  const wrapper = mount(
    () =>
      h(TooltipProvider, () =>
        h(component, { ...props, modelValue: model.value, 'onUpdate:modelValue': (next: T) => (model.value = next) }),
      ),
    { global: { plugins: [i18n] } },
  )
  shown.push(wrapper)
  return { wrapper, model, error: () => wrapper.find('[data-testid=field-error]').text() }
}
const hasError = (wrapper: VueWrapper) => wrapper.find('[data-testid=field-error]').exists()

describe('a text field', () => {
  it('ties its error to the control, in place of the note', () => {
    const { wrapper } = field(TextField, { label: 'Name', note: 'Unique.', error: 'Taken.' }, 'x')
    const input = wrapper.get('input')
    expect(input.attributes('aria-invalid')).toBe('true')
    expect(wrapper.get(`[id="${input.attributes('aria-describedby')}"]`).text()).toBe('Taken.')
    expect(wrapper.get(`label[for="${input.attributes('id')}"]`).text()).toBe('Name')
    expect(wrapper.text()).not.toContain('Unique.')
  })
})

describe('a field of many choices', () => {
  const choices = [{ value: 'mail', text: 'mail/password' }]

  it('lets what was chosen be taken back where there may be none, and keeps it else', async () => {
    const { wrapper, model } = field<string | null>(ComboField, { label: 'Secret', choices, clearable: true }, 'mail')
    const clear = () => wrapper.find('[data-testid=clear]')
    expect(clear().attributes('aria-label')).toBe('Clear: Secret')
    await clear().trigger('click')
    expect(model.value).toBeNull()
    expect(clear().exists()).toBe(false)
    const fixed = field<string | null>(ComboField, { label: 'Zone', choices }, 'mail')
    expect(fixed.wrapper.find('[data-testid=clear]').exists()).toBe(false)
  })
})

describe('a number field', () => {
  const props = { label: 'Modules', unit: 'modules', min: 1, max: 500, whole: true }

  it('tells empty from wrong, and says what is wrong', async () => {
    const { wrapper, model, error } = field<number | null>(NumberField, props, 50)
    const input = wrapper.get('input')
    await input.setValue('abc')
    expect(model.value).toBeNaN()
    expect(error()).toBe('This is not a number.')
    await input.setValue('')
    expect(model.value).toBeNull()
    expect(hasError(wrapper)).toBe(false)
    await input.setValue('2.5')
    expect(error()).toBe('This must be a whole number.')
    await input.setValue('501')
    expect(error()).toBe('1 to 500')
    expect(input.attributes('aria-invalid')).toBe('true')
  })

  it('steps with the arrow keys and stops at its ends', async () => {
    const { wrapper, model } = field<number | null>(NumberField, { ...props, step: 300 }, 250)
    const input = wrapper.get('input')
    await input.trigger('keydown', { key: 'ArrowUp' })
    expect(model.value).toBe(500)
    await input.trigger('keydown', { key: 'ArrowDown' })
    await input.trigger('keydown', { key: 'ArrowDown' })
    expect(model.value).toBe(1)
    expect((input.element as HTMLInputElement).value).toBe('1')
  })

  it('takes a comma, and leaves what is being typed alone', async () => {
    const { wrapper, model } = field<number | null>(NumberField, { label: 'Load' }, 1)
    await wrapper.get('input').setValue('2,50')
    expect(model.value).toBe(2.5)
    expect((wrapper.get('input').element as HTMLInputElement).value).toBe('2,50')
    model.value = 4
    await nextTick()
    expect((wrapper.get('input').element as HTMLInputElement).value).toBe('4')
  })
})

describe('a duration field', () => {
  it('shows the largest whole unit and gives milliseconds', async () => {
    const { wrapper, model, error } = field<number | null>(
      DurationField,
      { label: 'Timeout', minMs: 5_000, maxMs: 3_600_000 },
      120_000,
    )
    expect((wrapper.get('input').element as HTMLInputElement).value).toBe('2')
    expect((wrapper.get('select').element as HTMLSelectElement).value).toBe('min')
    await wrapper.get('select').setValue('s')
    expect(model.value).toBe(2_000)
    expect(error()).toBe('5 sec to 1 hr')
    await wrapper.get('input').setValue('90')
    expect(model.value).toBe(90_000)
    model.value = 3_600_000
    await nextTick()
    expect((wrapper.get('select').element as HTMLSelectElement).value).toBe('h')
  })
})

describe('a field for an instant', () => {
  it('speaks the viewer’s time to the control and epoch milliseconds to the page', async () => {
    const at = new Date(2025, 5, 15, 9, 30).getTime()
    const { wrapper, model, error } = field<number | null>(InstantField, { label: 'Until', min: at }, at)
    const input = wrapper.get('input')
    expect((input.element as HTMLInputElement).value).toBe('2025-06-15T09:30')
    await input.setValue('2025-06-15T09:29')
    expect(model.value).toBe(at - 60_000)
    expect(error()).toBe('This is outside the allowed time.')
    await input.setValue('')
    expect(model.value).toBeNull()
  })
})

describe('a button', () => {
  it('cannot be pressed twice while it is busy', async () => {
    const pressed = vi.fn()
    const { wrapper } = field(AppButton, { busy: true, onPress: pressed }, null)
    await wrapper.get('button').trigger('click')
    expect(pressed).not.toHaveBeenCalled()
    expect(wrapper.get('button').attributes('aria-busy')).toBe('true')
  })
})

describe('a chip of several', () => {
  it('tells whether it is pressed, takes the focus of the keyboard, and sends no form', async () => {
    let presses = 0
    let sent = 0
    const pressed = shallowRef(false)
    const chip = () =>
      h(ToggleChip, { pressed: pressed.value, onPress: () => (presses += 1), 'data-testid': 'chip' }, () => 'Open 3')
    const wrapper = mount(() => h('form', { onSubmit: () => (sent += 1) }, [chip()]), { attachTo: document.body })
    const button = wrapper.get<HTMLButtonElement>('button[data-testid=chip]')
    button.element.focus()
    expect([document.activeElement === button.element, button.text()]).toEqual([true, 'Open 3'])
    expect(button.attributes('aria-pressed')).toBe('false')
    await button.trigger('click')
    expect([presses, sent]).toEqual([1, 0])
    // It is told what counts: pressing alone changes nothing.
    expect(button.attributes('aria-pressed')).toBe('false')
    pressed.value = true
    await nextTick()
    expect(button.attributes('aria-pressed')).toBe('true')
    wrapper.unmount()
  })
})

describe('what has to be asked for', () => {
  const frame = (props: Record<string, unknown>) => {
    const wrapper = mount(() => h(TooltipProvider, () => h(LoadFrame, props as never, () => 'the value')), {
      global: { plugins: [i18n] },
    })
    shown.push(wrapper)
    return wrapper
  }

  it('holds its place while it loads', () => {
    const wrapper = frame({ loading: true, hasValue: false })
    expect(wrapper.get('[role=status]').text()).toBe('Loading')
    expect(wrapper.text()).not.toContain('the value')
  })
  it('keeps what was known beside the failure, with its age', () => {
    const failure = { code: 'timeout', message: 'No answer.' }
    const wrapper = frame({ loading: false, hasValue: true, failure, asOf: 1_750_000_000_000 })
    expect(wrapper.text()).toContain('No answer.')
    expect(wrapper.text()).toMatch(/as of \d\d:\d\d:\d\d/)
    expect(wrapper.text()).toContain('the value')
  })
  it('says why there is nothing', () => {
    const wrapper = frame({ loading: false, hasValue: true, empty: 'No nodes yet.' })
    expect(wrapper.text()).toBe('No nodes yet.')
  })
})

describe('long work', () => {
  it('tells amount, rate and time left to eyes and screen readers', () => {
    const progress = { done: 12_400, total: 49_600, rate: 830, leftMs: 44_000 }
    const { wrapper } = field(ProgressLine, { text: 'Pushing', progress, unit: 'entries' }, null)
    const bar = wrapper.get('[role=progressbar]')
    expect(bar.attributes('aria-valuenow')).toBe('25')
    expect(bar.attributes('aria-valuetext')).toBe('12,400 of 49,600, 830 a second, 44 sec left')
  })

  it('stays listed until it is dismissed, the oldest ended ones excepted', () => {
    const tasks = makeTasks()
    const first = tasks.begin({ text: 'first', unit: 'entries' })
    for (let n = 0; n < 8; n += 1) tasks.begin({ text: `${n}`, unit: 'entries' }).outcome = 'done'
    const running = tasks.begin({ text: 'last', unit: 'files' })
    expect(tasks.all.map(({ text }) => text)).toEqual(['first', '3', '4', '5', '6', '7', 'last'])
    tasks.dismiss(first.id)
    tasks.dismiss(running.id)
    expect(tasks.all).toHaveLength(5)
  })
})

describe('toasts', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('go by themselves, but not while somebody reads them', () => {
    const toasts = makeToasts()
    toasts.show({ text: 'Saved.' })
    vi.advanceTimersByTime(5_000)
    toasts.hold(true)
    vi.advanceTimersByTime(60_000)
    expect(toasts.shown).toHaveLength(1)
    toasts.hold(false)
    vi.advanceTimersByTime(6_001)
    expect(toasts.shown).toHaveLength(0)
  })

  it('stay longer with something to press, and give way beyond four', () => {
    const toasts = makeToasts()
    toasts.show({ text: 'Removed.', action: { text: 'Undo', run: () => {} } })
    vi.advanceTimersByTime(10_000)
    expect(toasts.shown).toHaveLength(1)
    for (const text of ['a', 'b', 'c', 'd']) toasts.show({ text })
    expect(toasts.shown.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('the values of a chart', () => {
  it('are put in order, the last of one instant counts, and gaps break the line', () => {
    const points = [
      { at: 10_000, value: 3 },
      { at: 0, value: 1 },
      { at: 1_000, value: 7 },
      { at: 1_000, value: 2 },
    ]
    const { times, values } = chartTable([{ name: 'a', points }], 5_000)
    expect(times).toEqual([0, 1, 1.001, 10])
    expect(values).toEqual([[1, 2, null, 3]])
  })
  it('of several series share one axis, without breaking each other', () => {
    const { times, values } = chartTable(
      [
        { name: 'a', points: [0, 2_000].map((at) => ({ at, value: at })) },
        { name: 'b', points: [{ at: 1_000, value: 5 }] },
      ],
      undefined,
    )
    expect(times).toEqual([0, 1, 2])
    expect(values).toEqual([
      [0, undefined, 2_000],
      [undefined, 5, undefined],
    ])
  })
  it('are summed up without what is missing', () => {
    expect(
      chartSummary([
        { at: 2, value: 4 },
        { at: 1, value: 9 },
        { at: 3, value: null },
      ]),
    ).toEqual({
      count: 2,
      last: 4,
      min: 4,
      max: 9,
    })
    expect(chartSummary([])).toEqual({ count: 0, last: null, min: null, max: null })
  })
})

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1,023 B'],
    [1_024, '1 KiB'],
    [13_000_000, '12.4 MiB'],
    [1024 ** 3, '1 GiB'],
  ])('%i is written as %s', (bytes, text) => {
    expect(formatBytes(bytes, 'en')).toBe(text)
  })
})

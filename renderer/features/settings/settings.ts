import { computed, shallowRef } from 'vue'
import { z } from 'zod'
import type { SettingView } from '../../../shared/console/setting-operations'
import type { Failure } from '../../../shared/model/failures'
import type { SettingName } from '../../../shared/settings/settings'
import { useAsked } from '../../ask'
import { useBridge } from '../../bridge'

/** What a person has typed and not stored yet, by name. Null: as if the file said nothing. */
export type SettingDraft = Partial<Record<SettingName, SettingView['value']>>

const fieldDetails = z.array(z.object({ field: z.string(), message: z.string(), range: z.string().optional() }))

/** What the controller says of single settings; empty when its refusal is about something else. */
export function settingErrorsOf(failure: Failure | null): Readonly<Record<string, string>> {
  const parsed = fieldDetails.safeParse(failure?.details)
  if (!parsed.success) return {}
  return Object.fromEntries(
    parsed.data.map(({ field, message, range }) => [
      field.replace(/^values\./, '').split('.')[0]!,
      range ? `${message} (${range})` : message,
    ]),
  )
}

/** What the file will say: what is being typed, else what it says, else the default. */
export const wantedOf = (setting: SettingView, draft: SettingDraft): SettingView['value'] =>
  Object.hasOwn(draft, setting.id) ? draft[setting.id]! : (setting.stored ?? setting.default)

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
/** Typed back to what it was is no change. */
export const changesOf = (settings: readonly SettingView[], draft: SettingDraft): SettingDraft =>
  Object.fromEntries(
    settings.flatMap((setting) =>
      Object.hasOwn(draft, setting.id) && !isSame(draft[setting.id], setting.stored ?? setting.default)
        ? [[setting.id, draft[setting.id]]]
        : [],
    ),
  )

/** The controller's settings, as its file, flags and environment make them. */
export function useSettings() {
  const bridge = useBridge()
  const asked = useAsked(
    () => null,
    () => bridge.call('settings.get', {}),
  )
  const stored = shallowRef<typeof asked.value.value>(null)
  const view = computed(() => stored.value ?? asked.value.value)
  return {
    ...asked,
    view,
    async again() {
      stored.value = null
      await asked.again()
    },
    /** Null: stored. A conflict leaves what is there now in the view. */
    async store(values: SettingDraft): Promise<Failure | null> {
      const answer = await bridge.call('settings.set', {
        values,
        ...(view.value ? { expectedRevision: view.value.revision } : {}),
      })
      if (answer.ok) stored.value = answer.value
      return answer.ok ? null : answer
    },
    async reset(name: SettingName): Promise<Failure | null> {
      const answer = await bridge.call('settings.reset', {
        names: [name],
        ...(view.value ? { expectedRevision: view.value.revision } : {}),
      })
      if (answer.ok) stored.value = answer.value
      return answer.ok ? null : answer
    },
  }
}

/** Ports as they count, for *about*. */
export const portNames = ['consolePort', 'linkPort', 'otlpPort'] as const satisfies readonly SettingName[]

import { z } from 'zod'
import { settingChanges, settingNames, settingUnits, type SettingName } from '../settings/settings'
import { settingKinds } from '../settings/shape'
import { operation } from './operation'

export const settingSources = ['flag', 'environment', 'file', 'default'] as const
const name = z.enum(settingNames as [SettingName, ...SettingName[]])

/** One setting of the controller that answers. Null: there is none. */
export const settingView = z.object({
  /** Its name; under this key lists of settings are compared. */
  id: name,
  kind: z.enum(settingKinds),
  /** What counts now; of those that need a restart: since the start. */
  value: z.json(),
  default: z.json(),
  /** Where `value` comes from. */
  source: z.enum(settingSources),
  /** What the settings file says. */
  stored: z.json(),
  unit: z.enum(settingUnits).nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  /** Of a text: how long; of a list: how many. */
  lengthMax: z.number().nullable(),
  choices: z.array(z.string()).nullable(),
  changes: z.enum(settingChanges),
  /** The file says something else than what counts, and it will count after a restart. */
  isPending: z.boolean(),
  /** Why it cannot be changed here: what overrides the file (`name`: the flag or variable), or that it is chosen once. */
  locked: z.object({ by: z.enum(['flag', 'environment', 'once']), name: z.string() }).nullable(),
})
export type SettingView = z.infer<typeof settingView>

export const settingsView = z.object({
  /** Of the settings file, as text; a change names the one it edits. */
  revision: z.string(),
  settings: z.array(settingView),
})
export type SettingsView = z.infer<typeof settingsView>

const expectedRevision = z.string().max(100).optional()

/**
 * Settings of the controller itself, stored in its `settings.json`. `set` and `reset` do all or nothing: `invalid` names the setting and the range, `refused` what
 * overrides it (a flag, a variable of the environment), `conflict` that the file has changed since `expectedRevision` (`details`: the present view).
 */
export const settingOperations = {
  'settings.get': operation('viewer', false, z.object({ names: z.array(name).optional() }), settingsView),
  'settings.set': operation(
    'admin',
    true,
    z.object({ values: z.partialRecord(name, z.json()), expectedRevision }),
    settingsView,
  ),
  /** Removes them from the file: the default counts again. */
  'settings.reset': operation('admin', true, z.object({ names: z.array(name).min(1), expectedRevision }), settingsView),
} as const

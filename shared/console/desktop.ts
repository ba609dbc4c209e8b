import { z } from 'zod'

export const noticeClasses = ['link', 'control', 'devices', 'alerts', 'security', 'other'] as const
export type NoticeClass = (typeof noticeClasses)[number]

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time like 22:00')
const isOn = z.boolean().default(true)
const updateVersion = z.string().max(100)

/** What a person chose for this desktop; stored beside the window's state, not with the controller. */
export const desktopSettings = z.object({
  /** Null: not asked yet. */
  startAtLogin: z.boolean().nullable().default(null),
  /** A class that an earlier version did not know is on. */
  notices: z
    .object({ link: isOn, control: isOn, devices: isOn, alerts: isOn, security: isOn, other: isOn } satisfies Record<
      NoticeClass,
      unknown
    >)
    .prefault({}),
  /** Local time; `from` after `to` spans midnight. Null: notices come at any time. */
  quietHours: z.object({ from: timeOfDay, to: timeOfDay }).nullable().default(null),
  updateChannel: z.enum(['latest', 'beta']).default('latest'),
  /** The version a person does not want to hear of again. */
  skippedVersion: updateVersion.nullable().default(null),
})
export type DesktopSettings = z.output<typeof desktopSettings>

const { startAtLogin, notices, quietHours, updateChannel, skippedVersion } = desktopSettings.shape
/** What is not named stays as it is: a default would set it back. */
const desktopChange = z
  .strictObject({
    startAtLogin: startAtLogin.removeDefault(),
    notices: notices.unwrap(),
    quietHours: quietHours.removeDefault(),
    updateChannel: updateChannel.removeDefault(),
    skippedVersion: skippedVersion.removeDefault(),
  })
  .partial()

/**
 *   off          this copy is not installed by an installer that updates (`reason`)
 *   none         asked, nothing newer
 *   available    `version` can be fetched; nothing is fetched by itself
 *   ready        `version` is fetched and takes the place of this one at the next start
 */
export const updateStates = ['off', 'unknown', 'checking', 'none', 'available', 'fetching', 'ready', 'failed'] as const

export const desktopView = z.object({
  settings: desktopSettings,
  /** False: this desktop has no tray, and the window stays in the task bar. */
  hasTray: z.boolean(),
  /** Where secrets are kept. `isProtected` false: in files that only this user may read, not by a key store of the system. */
  secrets: z.object({ backend: z.string(), isProtected: z.boolean() }),
  /** False: the system has no such thing that this program knows. */
  canStartAtLogin: z.boolean(),
  /** `attached`: the controller runs without this window, and goes on when the desktop quits. */
  controller: z.enum(['own', 'attached']),
  update: z.object({
    state: z.enum(updateStates),
    version: updateVersion.nullable(),
    reason: z.string().nullable(),
    percent: z.number().nullable(),
  }),
})
export type DesktopView = z.infer<typeof desktopView>

/** Name and parameters; all answer with the view as it is then. */
export const desktopOperations = {
  'desktop.get': z.strictObject({}),
  'desktop.set': desktopChange,
  /** Opens an address of the allow-list in the person's browser. */
  'desktop.openExternal': z.strictObject({ url: z.string().max(2_000) }),
  'desktop.checkUpdate': z.strictObject({}),
  'desktop.fetchUpdate': z.strictObject({}),
  /** Quits in order and starts the fetched version. */
  'desktop.installUpdate': z.strictObject({}),
} as const
export type DesktopOperation = keyof typeof desktopOperations
export type DesktopInput<N extends DesktopOperation> = z.input<(typeof desktopOperations)[N]>

export const desktopNews = z.discriminatedUnion('type', [
  z.object({ type: z.literal('view'), view: desktopView }),
  /** Tray, menu or notification point to a place: a route of the page. `act`: the dialog to open there. */
  z.object({
    type: z.literal('place'),
    path: z.string().max(500),
    act: z.enum(['restore', 'failover', 'pause']).nullable(),
  }),
])
export type DesktopNews = z.infer<typeof desktopNews>

export const DESKTOP_BYTES_MAX = 64 * 1024

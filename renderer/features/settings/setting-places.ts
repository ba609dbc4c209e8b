import type { StatusView } from '../../../shared/console/views'
import type { SettingName } from '../../../shared/settings/settings'

type Role = StatusView['role']
const everyRole: readonly Role[] = ['edge', 'master', 'standalone']
const withSite: readonly Role[] = ['edge', 'standalone']

/** Forms of the settings, by the section they are in. */
export type SettingFormName = 'controller' | 'listening' | 'clients' | 'buffer'
/** Where a setting is changed, and in which roles it means something; or why it is on no page. */
export type SettingPlace =
  { readonly form: SettingFormName; readonly roles: readonly Role[] } | { readonly nowhere: string }

const at = (form: SettingFormName, roles: readonly Role[]): SettingPlace => ({ form, roles })

/** Every setting of the schema, in the order of the pages. */
export const settingPlaces: Readonly<Record<SettingName, SettingPlace>> = {
  role: { nowhere: 'It is chosen in the first run, once; about names it.' },
  name: at('controller', everyRole),
  logLevel: at('controller', everyRole),
  consolePort: at('controller', everyRole),
  otlpPort: at('controller', withSite),
  demo: at('controller', ['standalone']),
  masterUrls: at('listening', ['master']),
  linkHost: at('listening', ['master']),
  linkPort: at('listening', ['master']),
  remoteConsole: at('listening', ['master']),
  serveApi: at('clients', withSite),
  apiPort: at('clients', withSite),
  apiHost: at('clients', withSite),
  outboxBytesMax: at('buffer', withSite),
  outboxAgeMaxMs: at('buffer', withSite),
  collectMetrics: at('buffer', withSite),
  collectLogs: at('buffer', withSite),
  collectTraces: at('buffer', withSite),
  collectEvents: at('buffer', withSite),
}

/** What a form has to show in a role; nothing before the role is known. */
export function settingsIn(form: SettingFormName, role: Role | undefined): SettingName[] {
  const order = Object.keys(settingPlaces) as SettingName[]
  return order.filter((name) => {
    const place = settingPlaces[name]
    return role !== undefined && 'form' in place && place.form === form && place.roles.includes(role)
  })
}

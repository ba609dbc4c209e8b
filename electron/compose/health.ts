import type { OperationHandlers } from '../console/operations'
import type { Parts } from './parts'
import type { Site } from './site'

/** Strangers of other machines may ask for it as often as they like: nothing is looked through for it. */
export const healthOf =
  (
    { settings: { role }, version }: { settings: Pick<Parts['settings'], 'role'>; version: string },
    site: Pick<Site, 'booted'>,
  ): OperationHandlers['health'] =>
  () => ({ ok: true, role, version, booted: site.booted() })

import { readlinkSync } from 'node:fs'

const ZONEINFO = /\/zoneinfo\/(?:posix\/|right\/)?([A-Za-z][\w+-]*(?:\/[\w+-]+)*)$/

/**
 * The machine's IANA zone. Asked of the system's own link where there is one: asking `Intl` loads several MiB of calendar data that a controller without a
 * restore window never needs.
 */
export function machineTimeZone(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment['TZ'] === undefined) {
    try {
      const zone = ZONEINFO.exec(readlinkSync('/etc/localtime'))?.[1]
      if (zone !== undefined) return zone
    } catch {
      // No such link on this system.
    }
  }
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

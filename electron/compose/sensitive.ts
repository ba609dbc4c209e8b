import { readFile } from 'node:fs/promises'
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os'
import path from 'node:path'
import { isSecretName } from '../../shared/model/secret-names'
import type { DiagnosticsParts } from './diagnostics'
import type { Sensitive } from '../diagnostics/bundle'

/** What this machine and this data directory have that nobody else is to know. */
export async function sensitiveOf(
  parts: Pick<DiagnosticsParts, 'dataDir' | 'mainDir' | 'secrets' | 'namedSecrets' | 'settings'>,
  bodies: readonly unknown[],
): Promise<Sensitive> {
  const { dataDir, secrets, namedSecrets, settings } = parts
  const nets = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const stored = await Promise.all(
    ['link/credentials', 'authority/ca', 'authority/leaf'].map((name) => secrets.get(name).catch(() => null)),
  )
  const key = await readFile(path.join(dataDir, 'console.key'), 'utf8').catch(() => null)
  const urls = settings.current.masterUrls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : []))
  const isOwn = (address: string): boolean => !['127.0.0.1', '::1', '0.0.0.0'].includes(address)
  return {
    hosts: [hostname(), ...urls, ...stored.flatMap((text) => hostsOf(text))].filter(
      (host) => host !== 'localhost' && host !== '' && isOwn(host),
    ),
    addresses: nets
      .flatMap(({ address, mac }) => [address.split('%')[0]!, mac])
      .filter((one) => isOwn(one) && one !== '00:00:00:00:00:00'),
    users: [userName()].filter((name) => name !== ''),
    // The longest is replaced first, so that the home directory does not hide what lies below it.
    paths: [dataDir, path.dirname(process.execPath), parts.mainDir, homedir()].filter((place) => place.length > 3),
    secrets: [
      ...(key === null ? [] : [key.trim()]),
      ...stored.flatMap((text) => secretTexts(text)),
      ...bodies.flatMap((body) => secretsIn(body)),
      // A driver may have quoted one, and a person may have typed one where it does not belong.
      ...namedSecrets.list().flatMap(({ name }) => linesOf(namedSecrets.value(name) ?? '')),
    ],
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

const parsed = (text: string | null): unknown => {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return null
  }
}

function hostsOf(text: string | null): string[] {
  const urls = (parsed(text) as { masterUrls?: unknown } | null)?.masterUrls
  return Array.isArray(urls)
    ? urls.flatMap((url) => (typeof url === 'string' && URL.canParse(url) ? [new URL(url).hostname] : []))
    : []
}

/** Every text of a stored secret, line by line: keys are written in lines. */
function secretTexts(text: string | null): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value === 'string')
      found.push(...value.split(/\s+/).filter((line) => line.length >= 16 && !/^-+|^\w+:\/\//.test(line)))
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  visit(parsed(text) ?? text)
  return found
}

const linesOf = (text: string): string[] => text.split(/[\r\n]+/).map((line) => line.trim())

/** Values of fields that are called like secrets, and passwords in addresses. */
function secretsIn(value: unknown, isSecret = false): string[] {
  if (typeof value === 'string') {
    if (isSecret) return [value]
    const inAddress = /\/\/([^/@:\s]*):([^/@\s]+)@/.exec(value)
    return inAddress ? [inAddress[2]!, decodeURIComponent(inAddress[2]!)] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) => secretsIn(item, isSecret || isSecretName(name)))
}

// A distribution of Electron in name only: enough for electron-builder to put an application into it, where the real one cannot be fetched. Nothing of it runs.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** What marks the place of the fuses in a real executable; the version, their number and their states follow (`1`: on). */
const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const fuses = '101100000'
/** In the order of the wire. */
const names = [
  'runAsNode',
  'enableCookieEncryption',
  'enableNodeOptionsEnvironmentVariable',
  'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
]

/** @param {string} folder @param {string} version of Electron */
export function tinyElectron(folder, version) {
  for (const name of ['resources', 'locales']) mkdirSync(path.join(folder, name), { recursive: true })
  const wire = Buffer.concat([Buffer.from(sentinel), Buffer.from([1, fuses.length]), Buffer.from(fuses)])
  writeFileSync(path.join(folder, 'electron'), Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), wire]))
  chmodSync(path.join(folder, 'electron'), 0o755)
  writeFileSync(path.join(folder, 'version'), version)
  for (const locale of ['de', 'en-US', 'fr', 'zh-CN']) writeFileSync(path.join(folder, 'locales', `${locale}.pak`), '')
}

/** Which fuses of an executable are on. @param {string} file */
export function fusesOf(file) {
  const content = readFileSync(file)
  const at = content.indexOf(sentinel) + sentinel.length + 2
  return Object.fromEntries(names.map((name, index) => [name, content[at + index] === '1'.charCodeAt(0)]))
}

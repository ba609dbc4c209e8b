import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  environmentName,
  flagName,
  settingNames,
  settingRules,
  settings,
  type SettingName,
} from '../../shared/settings/settings'
import { shapeOf } from '../../shared/settings/shape'
import { english } from '../../shared/text/english'

const defaults: Readonly<Record<string, unknown>> = settings.parse({})
const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
const LENGTHS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
] as const

function valueText(name: SettingName, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  const { unit } = settingRules[name]
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (typeof value === 'string') return `\`${value}\``
  if (typeof value !== 'number') throw new Error(`${name} has a default of another kind`)
  if (unit === undefined) return `\`${value}\``
  if (unit === 'bytes') {
    const power = Math.floor(Math.log2(value) / 10)
    return `${value / 1024 ** power} ${SIZES[power]}`
  }
  const [size, sign] = LENGTHS.find(([length]) => value % length === 0)!
  return `${value / size} ${sign}`
}

function rangeText(name: SettingName): string {
  const { min, max, choices, kind, lengthMax } = shapeOf(name)
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (min !== null && max !== null)
    return settingRules[name].unit
      ? `${valueText(name, min)} to ${valueText(name, max)}`
      : `${min} to ${max.toLocaleString('en')}`
  return kind === 'switch' ? 'on, off' : kind === 'list' ? `at most ${lengthMax}` : `at most ${lengthMax} characters`
}

const counts = { live: 'at once', restart: 'after a restart', once: 'chosen once' }

const rows = settingNames.map((name) => [
  `\`${name}\``,
  english(`setting.${name}`),
  valueText(name, defaults[name]),
  rangeText(name),
  counts[settingRules[name].changes],
])

describe('the list of settings in the documentation', () => {
  test('is what the schema says', () => {
    const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/administrators.md'), 'utf8')
    const section = text.split('\n## ').find((part) => part.startsWith('Settings\n')) ?? ''
    const written = section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      )
    expect(written, `the table should be:\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}`).toEqual(rows)
  })
  test('needs no word of its own for flags and variables', () => {
    expect([flagName('outboxBytesMax'), environmentName('outboxBytesMax')]).toEqual([
      '--outbox-bytes-max',
      'HOLDFAST_OUTBOX_BYTES_MAX',
    ])
    expect(new Set(settingNames.map(flagName)).size).toBe(settingNames.length)
  })
})

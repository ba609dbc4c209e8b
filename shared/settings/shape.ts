import { z } from 'zod'
import { settings, type SettingName } from './settings'

interface JsonShape {
  readonly type?: string
  readonly enum?: string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

export const settingKinds = ['switch', 'number', 'text', 'choice', 'list'] as const

/** What the schema allows, as a form, a flag and the documentation need it. Null: no such limit. */
export interface SettingShape {
  readonly kind: (typeof settingKinds)[number]
  readonly min: number | null
  readonly max: number | null
  /** Of a text: how long; of a list: how many. */
  readonly lengthMax: number | null
  readonly choices: string[] | null
}
const shapes = new Map<SettingName, SettingShape>()

export function shapeOf(name: SettingName): SettingShape {
  const known = shapes.get(name)
  if (known) return known
  const json = z.toJSONSchema(settings.shape[name], { io: 'input' }) as JsonShape
  const kinds = { boolean: 'switch', integer: 'number', array: 'list' } as const
  const shape: SettingShape = {
    kind: json.enum ? 'choice' : (kinds[json.type as keyof typeof kinds] ?? 'text'),
    min: json.minimum ?? null,
    max: json.maximum ?? null,
    lengthMax: json.maxLength ?? json.maxItems ?? null,
    choices: json.enum ?? null,
  }
  shapes.set(name, shape)
  return shape
}

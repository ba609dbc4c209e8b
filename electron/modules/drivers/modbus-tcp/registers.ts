import { z } from 'zod'

/** Coils and holding registers can be written; discrete inputs and input registers only read. */
export const registerKinds = ['coil', 'discrete', 'holding', 'input'] as const
export type RegisterKind = (typeof registerKinds)[number]
export const registerTypes = ['bool', 'u16', 's16', 'u32', 's32', 'f32'] as const
export type RegisterType = (typeof registerTypes)[number]

export const register = z.strictObject({
  /** The status variable, and the name in `write`. */
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'a letter, then letters, digits, "_", "." or "-", up to 64'),
  kind: z.enum(registerKinds),
  /** Counted from 0, as on the wire (40001 in a manual is 0 here). */
  address: z.int().min(0).max(65_535),
  type: z.enum(registerTypes).optional(),
  /** `value = raw * scale + offset`. */
  scale: z
    .number()
    .refine((scale) => scale !== 0, 'not 0')
    .default(1),
  offset: z.number().default(0),
  /** Of 32-bit types: which half stands at the lower address. */
  words: z.enum(['high-first', 'low-first']).default('high-first'),
  unit: z.string().max(16).optional(),
  pollMs: z.int().min(100).max(3_600_000).default(2_000),
  writable: z.boolean().default(false),
  /** Least and greatest value that `write` accepts, in scaled units. */
  min: z.number().optional(),
  max: z.number().optional(),
})
export type RegisterSettings = z.output<typeof register>
export type Register = RegisterSettings & { type: RegisterType }

export const isBit = (kind: RegisterKind) => kind === 'coil' || kind === 'discrete'
export const typeOf = (settings: RegisterSettings): RegisterType =>
  settings.type ?? (isBit(settings.kind) ? 'bool' : 'u16')
export const widthOf = (type: RegisterType): 1 | 2 => (type === 'u32' || type === 's32' || type === 'f32' ? 2 : 1)

const rawRanges: Readonly<Record<RegisterType, readonly [number, number]>> = {
  bool: [0, 1],
  u16: [0, 0xffff],
  s16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  s32: [-0x8000_0000, 0x7fff_ffff],
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
}

/** Scaled values that the register can hold at all. */
function holdable({ type, scale, offset }: Register): readonly [number, number] {
  const ends = rawRanges[type].map((raw) => tidy(raw * scale + offset)).sort((a, b) => a - b)
  return [ends[0] ?? 0, ends[1] ?? 0]
}

/** Scaled values that `write` accepts: the declared range, within what the register can hold. */
export function writeRange(settings: Register): readonly [number, number] {
  const [least, greatest] = holdable(settings)
  return [Math.max(least, settings.min ?? least), Math.min(greatest, settings.max ?? greatest)]
}

/** What is wrong with a register that each field alone does not show; null: nothing. */
export function registerProblem(settings: RegisterSettings): { field: keyof RegisterSettings; allowed: string } | null {
  const type = typeOf(settings)
  if (isBit(settings.kind) && type !== 'bool') return { field: 'type', allowed: `bool for ${settings.kind}` }
  if (settings.address + widthOf(type) > 65_536)
    return { field: 'address', allowed: `0..${65_536 - widthOf(type)} for ${type}` }
  if (settings.writable && (settings.kind === 'discrete' || settings.kind === 'input')) {
    return { field: 'writable', allowed: `false for ${settings.kind}: such registers can only be read` }
  }
  const [least, greatest] = writeRange({ ...settings, type })
  if (settings.writable && least > greatest)
    return { field: 'min', allowed: 'min <= max, both within what the type can hold' }
  return null
}

/** The value in 1 or 2 words read from the device. */
export function decode(settings: Register, words: readonly number[]): number | boolean {
  if (settings.type === 'bool') return words[0] !== 0
  const bytes = Buffer.alloc(4)
  const ordered = settings.words === 'low-first' ? words.toReversed() : words
  ordered.forEach((word, at) => bytes.writeUInt16BE(word, at * 2))
  return tidy(rawOf(settings.type, bytes) * settings.scale + settings.offset)
}

function rawOf(type: Exclude<RegisterType, 'bool'>, bytes: Buffer): number {
  switch (type) {
    case 'u16':
      return bytes.readUInt16BE()
    case 's16':
      return bytes.readInt16BE()
    case 'u32':
      return bytes.readUInt32BE()
    case 's32':
      return bytes.readInt32BE()
    case 'f32':
      return bytes.readFloatBE()
  }
}

/** The words to write for a value that lies within `writeRange`. */
export function encode(settings: Register, value: number | boolean): number[] {
  if (settings.type === 'bool') return [value === true || value === 1 ? 1 : 0]
  const bytes = Buffer.alloc(4)
  const raw = (Number(value) - settings.offset) / settings.scale
  const [least, greatest] = rawRanges[settings.type]
  const whole = Math.min(greatest, Math.max(least, Math.round(raw)))
  if (settings.type === 'f32') bytes.writeFloatBE(raw)
  else if (widthOf(settings.type) === 2) bytes.writeUInt32BE(whole >>> 0)
  else bytes.writeUInt16BE(whole & 0xffff)
  const words = widthOf(settings.type) === 2 ? [bytes.readUInt16BE(0), bytes.readUInt16BE(2)] : [bytes.readUInt16BE(0)]
  return settings.words === 'low-first' ? words.reverse() : words
}

/** 21.8 instead of 21.800000000000001: scaling by a tenth must not show in a status. JSON knows no infinity and no NaN: those are 0. */
function tidy(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : 0
}

export interface ReadBlock {
  readonly kind: RegisterKind
  readonly start: number
  readonly count: number
  readonly registers: readonly Register[]
}

const bitsPerReadMax = 2_000
const wordsPerReadMax = 125

/** Registers that lie side by side are read at once. No gap is bridged: devices refuse a block that touches an address they do not have. */
export function readBlocks(registers: readonly Register[]): ReadBlock[] {
  const sorted = registers.toSorted((a, b) => a.kind.localeCompare(b.kind) || a.address - b.address)
  const blocks: { kind: RegisterKind; start: number; count: number; registers: Register[] }[] = []
  for (const one of sorted) {
    const last = blocks.at(-1)
    const end = one.address + widthOf(one.type)
    const countMax = isBit(one.kind) ? bitsPerReadMax : wordsPerReadMax
    const fits = last?.kind === one.kind && one.address <= last.start + last.count && end - last.start <= countMax
    if (last && fits) {
      last.count = Math.max(last.count, end - last.start)
      last.registers.push(one)
    } else blocks.push({ kind: one.kind, start: one.address, count: end - one.address, registers: [one] })
  }
  return blocks
}

const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes in powers of 1,024 with three figures at most: `12.4 MiB`. */
export function formatBytes(bytes: number, locale: string): string {
  const power = bytes < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log2(Math.abs(bytes)) / 10))
  const value = bytes / 1024 ** power
  const digits = power === 0 || value >= 100 ? 0 : 1
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${names[power]}`
}

/** A large number in few figures: `1.2K`, `34M`. */
export function formatCompact(value: number, locale: string): string {
  return value.toLocaleString(locale, { notation: 'compact', maximumFractionDigits: 1 })
}

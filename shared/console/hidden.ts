import { isSecretName } from '../model/secret-names'

const HIDDEN = '[hidden]'

/** A document as people who may not change it see it: passwords and tokens are hidden, also in addresses. References to sealed values stay. */
export function withoutSecrets<T>(value: T): T {
  return hide(value, false) as T
}

function hide(value: unknown, isSecret: boolean): unknown {
  if (typeof value === 'string') return isSecret ? HIDDEN : value.replace(/(\/\/[^/@:\s]*):[^/@\s]*@/, `$1:${HIDDEN}@`)
  if (typeof value !== 'object' || value === null) return isSecret && value !== null ? HIDDEN : value
  if (Array.isArray(value)) return value.map((item) => hide(item, isSecret))
  if ('secretRef' in value) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, hide(item, isSecret || isSecretName(name))]),
  )
}

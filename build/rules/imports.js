// ESLint rule: an import must follow a row of table.js. Sees static imports, re-exports, `import()` of a literal and `import('…')` types.
import { builtinModules } from 'node:module'
import path from 'node:path'
import { fences, rows } from './table.js'

const nodeModules = new Set(builtinModules)

/** @param {string} name */
const isNode = (name) => name.startsWith('node:') || nodeModules.has(name)

/** `@scope/name/file` and `name/file` as the package they belong to. @param {string} source */
const packageOf = (source) =>
  source
    .split('/')
    .slice(0, source.startsWith('@') ? 2 : 1)
    .join('/')

/** @param {string} place @param {string} pattern */
function matches(place, pattern) {
  if (pattern.includes('*')) {
    const expression = pattern.replaceAll('*', '.+')
    return new RegExp(`^${expression}${pattern.endsWith('/') ? '' : '$'}`).test(place)
  }
  return pattern.endsWith('/') ? place.startsWith(pattern) : place === pattern
}

/** The folder that `#own` stands for. @param {string} place */
function ownFolder(place) {
  const depth = place.startsWith('electron/core/') || place.startsWith('renderer/features/') ? 3 : 2
  return `${place.split('/').slice(0, depth).join('/')}/`
}

/** @param {string} file relative to the repository, with forward slashes */
const placeOf = (file) => file.replace(/\.(d\.)?(ts|mts|js|mjs|vue)$/, '').replace(/\/index$/, '')

/**
 * Why `file` may not import `source`, or null when it may.
 * @param {string} file relative to the repository, with forward slashes
 * @param {string} source as written in the import
 * @param {boolean} typeOnly
 * @returns {string | null}
 */
export function refusal(file, source, typeOnly) {
  const place = placeOf(file)
  const row = rows.find(({ from }) => from.some((pattern) => matches(place, pattern)))
  if (!row) return null
  if (source.startsWith('.')) return refusalOfFile(row, place, source, typeOnly)
  if (isNode(source)) return row.node ? null : `${place} may not import Node's ${source}: ${row.because}.`
  return refusalOfPackage(row, place, packageOf(source))
}

function refusalOfFile(row, place, source, typeOnly) {
  const target = placeOf(path.posix.normalize(path.posix.join(path.posix.dirname(place), source.split('?')[0])))
  const allows = (patterns = []) =>
    patterns.some((pattern) => matches(target, pattern === '#own' ? ownFolder(place) : pattern))
  if (allows(row.mayNot)) return `${place} may not import ${target}: ${row.because}.`
  if (allows(row.may) || (typeOnly && allows(row.mayType))) return null
  const hint = allows(row.mayType) ? ' (a type may: write `import type`)' : ''
  return `${place} may not import ${target}${hint}: ${row.because || 'see build/rules/table.js'}.`
}

function refusalOfPackage(row, place, name) {
  const fence = Object.hasOwn(fences, name) ? fences[name] : null
  const isFree = place.startsWith('test/') || place.startsWith('build/')
  if (fence && !isFree) {
    if (fence.some((pattern) => matches(place, pattern))) return null
    return `${place} may not import ${name}: only ${fence.join(', ')} may.`
  }
  if (row.packages === null || row.packages.includes(name)) return null
  return `${place} may not import the package ${name}: ${row.because}.`
}

const isTypeOnly = (node) =>
  (node.importKind ?? node.exportKind) === 'type' ||
  (node.type === 'ImportDeclaration' &&
    node.specifiers.length > 0 &&
    node.specifiers.every((specifier) => specifier.importKind === 'type'))

/** @type {import('eslint').Rule.RuleModule} */
export const importsRule = {
  meta: {
    type: 'problem',
    docs: { description: 'keep every import inside the rows of build/rules/table.js' },
    schema: [
      { type: 'object', properties: { root: { type: 'string' } }, required: ['root'], additionalProperties: false },
    ],
  },
  create(context) {
    const file = path.relative(context.options[0].root, context.filename).replaceAll(path.sep, '/')
    const check = (node, source, typeOnly) => {
      if (typeof source !== 'string') return
      const message = refusal(file, source, typeOnly)
      if (message) context.report({ node, message })
    }
    return {
      ImportDeclaration: (node) => check(node, node.source.value, isTypeOnly(node)),
      ExportAllDeclaration: (node) => check(node, node.source.value, isTypeOnly(node)),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source.value, isTypeOnly(node)),
      ImportExpression: (node) => check(node, node.source.type === 'Literal' ? node.source.value : null, false),
      TSImportType: (node) => check(node, node.source?.value ?? node.argument?.literal?.value, true),
    }
  },
}

import type { DocumentProblem, ModuleDocument } from '../../shared/model/documents'
import type { Driver } from './contract'
import { readUri } from './device-uri'

/** What is wrong with a module document beyond its own schema: unknown driver, wrong role, address or settings. */
export function checkModule(document: ModuleDocument, drivers: readonly Driver[]): DocumentProblem[] {
  const problem = (field: string, value: unknown, allowed: string, message: string): DocumentProblem => ({
    kind: 'module',
    id: document.id,
    field,
    value,
    allowed,
    message,
  })
  const driver = drivers.find(({ name }) => name === document.driver)
  if (!driver) {
    const known = drivers.map(({ name }) => name).join(', ')
    return [problem('driver', document.driver, known, `There is no driver "${document.driver}".`)]
  }
  const problems: DocumentProblem[] = []
  if (document.role !== driver.role)
    problems.push(problem('role', document.role, driver.role, `The driver ${driver.name} is of role ${driver.role}.`))
  const uri = readUri(document.uri, driver.uri)
  if (!uri.ok) problems.push(problem('uri', withoutPassword(document.uri), uri.allowed, uri.message))
  const settings = driver.settings.safeParse(document.settings)
  for (const issue of settings.error?.issues ?? []) {
    const field = ['settings', ...issue.path.map(String)].join('.')
    problems.push(problem(field, valueAt(document.settings, issue.path), issue.message, issue.message))
  }
  return problems
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  )
}

const withoutPassword = (uri: string) => uri.replace(/(\/\/[^/@:]*):[^/@]*@/, '$1:…@')

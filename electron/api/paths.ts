import { API_PATH } from '../../shared/api/address'
import { apiRouteNames, apiRoutes, type ApiRouteName } from '../../shared/api/api'

export interface Matched {
  readonly name: ApiRouteName
  readonly parameters: Readonly<Record<string, string>>
}

/** Every route a path belongs to: none, one, or several of different methods. */
export function routesAt(path: string): readonly Matched[] {
  const given = segmentsOf(path)
  if (given === null) return []
  return apiRouteNames.flatMap((name): Matched[] => {
    const wanted = `${API_PATH}${apiRoutes[name].path}`.slice(1).split('/')
    if (wanted.length !== given.length) return []
    const parameters: Record<string, string> = {}
    for (const [index, segment] of wanted.entries()) {
      const value = given[index]!
      const parameter = /^\{(\w+)\}$/.exec(segment)?.[1]
      if (parameter === undefined ? segment !== value : value === '' || value.length > 200) return []
      if (parameter !== undefined) parameters[parameter] = value
    }
    return [{ name, parameters }]
  })
}

/** Null: what is written in it is no text. */
function segmentsOf(path: string): string[] | null {
  try {
    return path.slice(1).split('/').map(decodeURIComponent)
  } catch {
    return null
  }
}

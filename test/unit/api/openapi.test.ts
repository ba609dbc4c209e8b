import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { apiDocument } from '../../../shared/api/openapi'
import { apiRouteNames, apiRoutes } from '../../../shared/api/api'

const document = () => apiDocument({ version: '0.0.0-test', url: 'https://holdfast.example:7421' })

test('the document of the API is OpenAPI 3.1 by a public validator, which does not take anything', async () => {
  const checked = await new Validator().validate(document())
  expect(checked.errors ?? []).toEqual([])
  expect(checked.valid).toBe(true)
  const broken = structuredClone(document()) as { paths: Record<string, Record<string, { responses?: unknown }>> }
  broken.paths['/api/systems']!['get']!.responses = 'none'
  expect((await new Validator().validate(broken as never)).valid).toBe(false)
})

test('every reference in the document has its component, and every route its path', () => {
  const described = document() as { paths: object; components: { schemas: object } }
  const references = [...JSON.stringify(described).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!)
  expect(references.length).toBeGreaterThan(20)
  const known = new Set(Object.keys(described.components.schemas).map((name) => `#/components/schemas/${name}`))
  expect(references.filter((to) => !known.has(to))).toEqual([])
  expect(Object.keys(described.paths)).toEqual([
    ...apiRouteNames.map((name) => `/api${apiRoutes[name].path}`),
    '/api/openapi.json',
  ])
})

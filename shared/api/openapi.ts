import { z } from 'zod'
import { operations } from '../console/contract'
import { moduleMethod, moduleView } from '../model/modules'
import { API_PATH } from './address'
import {
  API_DOCUMENT_PATH,
  API_ROUTE_HEADER,
  API_ROUTE_QUERY,
  apiBodies,
  apiFailure,
  apiMessage,
  apiRouteModes,
  apiRouteNames,
  apiRoutes,
  apiStanding,
  apiStatusOf,
  apiSystem,
  apiValues,
  type ApiRouteName,
} from './api'

type Json = Record<string, unknown>

const component = (name: string): string => `#/components/schemas/${name}`
const refTo = (name: string): Json => ({ $ref: component(name) })
const answerName = (name: string): string => `Answer${name[0]!.toUpperCase()}${name.slice(1)}`
const bodyName = (name: string): string => `Body${name[0]!.toUpperCase()}${name.slice(1)}`

/** The OpenAPI 3.1 document of the client API, made from the schemas by which requests are checked. `url`: where it is served, e.g. `https://host:7421`. */
export function apiDocument({ version, url }: { version: string; url: string }): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast client API',
      version,
      description:
        'Served by the master on the port of the link, and by an edge or a standalone controller where the setting `serveApi` is on. Whichever side is asked, whoever ' +
        'drives the system answers. Every answer about a system says who that is. While nobody can answer it is 503 with `Retry-After` and `retryAfterMs`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url }],
    security: [{ token: [] }],
    tags: [{ name: 'systems' }],
    paths: {
      ...Object.fromEntries(apiRouteNames.map((name) => [`${API_PATH}${apiRoutes[name].path}`, pathOf(name)])),
      [API_DOCUMENT_PATH]: {
        get: {
          operationId: 'document',
          summary: 'This document.',
          security: [],
          responses: {
            200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
          },
        },
      },
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of a user account: `holdfast token create NAME --user USER`.',
        },
      },
      schemas: schemas(),
    },
  }
}

function pathOf(name: ApiRouteName): Json {
  const { method, path, operation, body, value, summary } = apiRoutes[name]
  const { role } = operations[operation]
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => ({
    name: parameter,
    in: 'path',
    required: true,
    description: `Id or name of the ${parameter}.`,
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  }))
  const route = { schema: { type: 'string', enum: [...apiRouteModes], default: 'proxy' } }
  const isAboutSystem = parameters.length > 0
  const said = isAboutSystem
    ? [
        {
          name: API_ROUTE_QUERY,
          in: 'query',
          description: '`redirect`: answer 307 when the other side drives.',
          ...route,
        },
        { name: API_ROUTE_HEADER, in: 'header', description: 'The same as a header.', ...route },
      ]
    : []
  const done =
    value === null
      ? {
          101: {
            description: 'A WebSocket, on which texts come.',
            content: { 'application/json': { schema: refTo('Message') } },
          },
        }
      : { 200: { description: 'Done.', content: { 'application/json': { schema: refTo(answerName(value)) } } } }
  return {
    [method.toLowerCase()]: {
      operationId: name,
      tags: ['systems'],
      summary,
      description: `Needs the role ${role}${role === 'operator' ? ', or to be one of the admins of the edge where it has some' : ''}.`,
      ...(parameters.length + said.length > 0 && { parameters: [...parameters, ...said] }),
      ...(body !== null && {
        requestBody: { required: true, content: { 'application/json': { schema: refTo(bodyName(body)) } } },
      }),
      responses: { ...done, ...(isAboutSystem && { 307: redirected }), ...refusals },
    },
  }
}

const failed = { 'application/json': { schema: refTo('Failure') } }
const redirected = {
  description: 'The other side drives. Only if the client asked for it; nothing was done.',
  headers: { Location: { required: true, schema: { type: 'string' } } },
  content: failed,
}
const retryAfter = { 'Retry-After': { description: 'Seconds, rounded up.', schema: { type: 'integer', minimum: 1 } } }
const wordsOf: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  401: 'No token, or one that is not valid.',
  403: 'The token may not do this, or the request is not from here.',
  404: 'There is no such system or module.',
  405: 'That method means nothing here.',
  409: 'The controller or the device refuses.',
  413: 'The body is too long.',
  415: 'The body is no JSON.',
  429: 'Too many wrong tokens are waiting for their answers.',
  500: 'The controller could not answer.',
  502: 'The device cannot be reached.',
  503: 'Nobody can answer now: a take-over or a hand-over runs, or the master loads.',
  504: 'No answer in time. With `outcomeUnknown` it may have been done.',
}
const refusals = Object.fromEntries(
  [...new Set([...Object.values(apiStatusOf), 405, 415, 503])]
    .sort((one, other) => one - other)
    .map((status) => [
      status,
      {
        description: wordsOf[status] ?? '',
        ...((status === 503 || status === 429) && { headers: retryAfter }),
        content: failed,
      },
    ]),
)

function schemas(): Json {
  const answers = z.registry<{ id: string }>()
  answers.add(moduleView, { id: 'Module' })
  answers.add(moduleMethod, { id: 'Method' })
  answers.add(apiSystem, { id: 'System' })
  answers.add(apiFailure, { id: 'Failure' })
  answers.add(apiMessage, { id: 'Message' })
  for (const [name, value] of Object.entries(apiValues)) {
    const standing = name === 'list' ? {} : apiStanding.shape
    answers.add(z.object({ ok: z.literal(true), ...standing, value }), { id: answerName(name) })
  }
  const bodies = z.registry<{ id: string }>()
  for (const [name, body] of Object.entries(apiBodies)) bodies.add(body, { id: bodyName(name) })
  return {
    Json: { description: 'Any JSON value.' },
    ...described(answers, 'output'),
    ...described(bodies, 'input'),
  }
}

/** Answers may grow fields with a later version; of what a client sends every field is known. */
function described(registry: z.core.$ZodRegistry<{ id: string }>, io: 'input' | 'output'): Json {
  const { schemas } = z.toJSONSchema(registry, { io, uri: component })
  const named = Object.entries(schemas).filter(([name]) => name !== '__shared')
  return Object.fromEntries(named.map(([name, schema]) => [name, cleaned(schema, io === 'output')]))
}

/** As components of one document: ids and dialect are its own, and what refers to itself is any JSON value. */
function cleaned(schema: unknown, isOpen: boolean): unknown {
  if (Array.isArray(schema)) return schema.map((item) => cleaned(item, isOpen))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $ref } = schema as { $ref?: unknown }
  if (typeof $ref === 'string' && $ref.includes('/__shared#')) return refTo('Json')
  return Object.fromEntries(
    Object.entries(schema)
      .filter(
        ([name, value]) =>
          name !== '$id' && name !== '$schema' && !(isOpen && name === 'additionalProperties' && value === false),
      )
      .map(([name, value]) => [name, cleaned(value, isOpen)]),
  )
}

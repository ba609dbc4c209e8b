import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { none, operation } from '../../../shared/console/operation'

test('an operation given what makes its schema, as in the built program, makes it when it is first asked for, and once', () => {
  const make = vi.fn(() => z.object({ name: z.string() }))
  const rule = operation('viewer', false, make as unknown as ReturnType<typeof make>, none)
  expect(make).not.toHaveBeenCalled()
  expect(rule.input.safeParse({ name: 7 }).success).toBe(false)
  expect(rule.input.parse({ name: 'Berlin', more: true })).toEqual({ name: 'Berlin' })
  expect(make).toHaveBeenCalledTimes(1)
})

test('an operation judges its input by the schema that its table gives', () => {
  const input = z.object({ edge: z.string() })
  expect(operation('viewer', false, input, none).input).toBe(input)
})

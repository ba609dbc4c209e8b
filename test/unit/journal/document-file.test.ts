import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import { formatDocumentFile, parseDocumentFile } from '../../../electron/journal/document-file'
import type { KnownDocument } from '../../../electron/journal/document-file'
import { suggestedId } from '../../../shared/model/document-id'
import { documentSchemas, siteKinds } from '../../../shared/model/documents'
import { currentOf, documentContext } from '../../support/documents'

const kindsInWords = siteKinds.join(' | ')

function changesOf(text: string, known: KnownDocument[] = []) {
  const reading = parseDocumentFile(text, known)
  if ('problems' in reading) throw new Error(JSON.stringify(reading.problems))
  return reading.changes
}
const bodiesOf = (text: string, known: KnownDocument[] = []) =>
  changesOf(text, known).map((change) => (change.op === 'put' ? [change.kind, change.body] : []))
function problemsOf(text: string) {
  const reading = parseDocumentFile(text)
  return 'problems' in reading
    ? reading.problems.map(({ line, column, field, value, allowed }) => [line, column, field, value, allowed])
    : reading
}

const site = `# A site
kind: edge
name: Berlin Süd
windowStart: 0 2 * * *
windowLengthS: 3600
---
- kind: module
  name: Lamp 1
  driver: tcp-line
  uri: tcp://127.0.0.1:1
- kind: module
  id: fan
  name: The Fan
  driver: tcp-line
  uri: tcp://127.0.0.1:2
  settings: { speed: 3, lines: [a, b] }
---
kind: system
name: Hall
edge: berlin süd
modules: [Lamp 1, fan]
`

test('documents and lists of documents are read, ids made from names, names turned into ids', () => {
  expect(bodiesOf(site)).toEqual([
    ['edge', { id: 'berlin-sud', name: 'Berlin Süd', windowStart: '0 2 * * *', windowLengthS: 3_600 }],
    ['module', { id: 'lamp-1', name: 'Lamp 1', driver: 'tcp-line', uri: 'tcp://127.0.0.1:1' }],
    [
      'module',
      {
        id: 'fan',
        name: 'The Fan',
        driver: 'tcp-line',
        uri: 'tcp://127.0.0.1:2',
        settings: { speed: 3, lines: ['a', 'b'] },
      },
    ],
    ['system', { id: 'hall', name: 'Hall', edgeId: 'berlin-sud', modules: ['lamp-1', 'fan'] }],
  ])
  expect(checkDocuments(changesOf(site), currentOf([]), documentContext).ok).toBe(true)
})

test('a name that is stored keeps its id, whatever the name suggests', () => {
  const known: KnownDocument[] = [
    { kind: 'edge', id: 'e-77', name: 'Berlin' },
    { kind: 'module', id: 'm-1', name: 'Lamp' },
  ]
  expect(
    bodiesOf(
      'kind: edge\nname: Berlin\n---\nkind: system\nname: Hall\nedge: Berlin\nmodules: [Lamp, m-1, other]\n',
      known,
    ),
  ).toEqual([
    ['edge', { id: 'e-77', name: 'Berlin' }],
    ['system', { id: 'hall', name: 'Hall', edgeId: 'e-77', modules: ['m-1', 'm-1', 'other'] }],
  ])
})

test.each([
  ['Berlin, Halle 3', 'berlin-halle-3'],
  ['  Ärger--Öl ', 'arger-ol'],
  ['Straße', 'stra-e'],
  ['x'.repeat(100), 'x'.repeat(48)],
])('the name "%s" suggests the id %s', (name, id) => {
  expect(suggestedId('edge', name)).toBe(id)
})

test('a name without Latin letters suggests an id of its own', () => {
  expect(suggestedId('edge', '北京')).toMatch(/^edge-[0-9a-z]+$/)
  expect(suggestedId('edge', '北京')).not.toBe(suggestedId('edge', '上海'))
})

describe('problems say where they are', () => {
  test.each([
    ['bad YAML', 'kind: edge\nname: [a\nfoo: b\n', [3, 1]],
    ['a key twice', 'kind: edge\nname: a\nname: b\n', [3, 1]],
    ['a tab', 'kind: edge\n\tname: a\n', [2, 1]],
  ])('%s', (_what, text, [line, column]) => {
    expect(problemsOf(text)).toContainEqual([line, column, '', null, 'YAML 1.2'])
  })
  test.each([
    [
      'a value out of range',
      'kind: edge\nname: a\ntimeoutMs: 5\n',
      [[3, 12, 'timeoutMs', 5, 'a whole number, 3000..3600000']],
    ],
    [
      'an unknown field',
      '- kind: edge\n  name: a\n  colour: red\n',
      [[3, 11, 'colour', 'red', expect.stringMatching(/^one of id, name/)]],
    ],
    [
      'a missing field, at its document',
      '---\nkind: edge\nname: a\n---\nkind: module\nname: b\n',
      [[5, 1, 'driver', undefined, 'text of 1..64 characters']],
    ],
    ['no kind', 'name: a\n', [[1, 1, 'kind', undefined, kindsInWords]]],
    ['another kind', '- kind: edge\n  name: a\n- kind: user\n', [[3, 9, 'kind', 'user', kindsInWords]]],
    ['no document at all', 'just a text\n', [[1, 1, 'kind', 'just a text', kindsInWords]]],
    [
      'inside a list',
      'kind: system\nname: a\nmodules:\n  - x\n  - 7\n',
      [[5, 5, 'modules.1', 7, expect.stringMatching(/^letters/)]],
    ],
    ['an edge that is no name', 'kind: system\nname: a\nedge: 7\n', [[3, 7, 'edge', 7, expect.any(String)]]],
    ['an edge of a module', 'kind: module\nname: a\ndriver: x\nedge: b\n', [[4, 7, 'edge', 'b', expect.any(String)]]],
    [
      'neither name nor id',
      'kind: edge\n',
      [
        [1, 1, 'id', undefined, expect.any(String)],
        [1, 1, 'name', undefined, expect.any(String)],
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(problemsOf(text)).toEqual(expected)
  })
  test('in words, too', () => {
    const reading = parseDocumentFile('kind: edge\nname: a\ntimeoutMs: 5\n')
    expect('problems' in reading && reading.problems[0]?.message).toMatch(/^line 3, column 12: /)
  })
})

describe('a file made to hurt', () => {
  test('an alias bomb is refused', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)
    expect(problemsOf(`kind: edge\nname: x\na0: &a0 [x]\n${levels.join('\n')}\n`)).toEqual([
      [1, 1, '', null, 'YAML 1.2 with few aliases'],
    ])
  })
  test('a few aliases are fine', () => {
    expect(
      bodiesOf('- kind: module\n  name: a\n  driver: &d tcp-line\n- kind: module\n  name: b\n  driver: *d\n'),
    ).toHaveLength(2)
  })
  test('a nesting beyond reason is refused', () => {
    expect(problemsOf(`kind: module\nname: a\ndriver: x\nsettings: ${'['.repeat(100_000)}`)).not.toHaveProperty(
      'changes',
    )
    expect(
      problemsOf(`kind: module\nname: a\ndriver: x\nsettings: {a: ${'['.repeat(40)}1${']'.repeat(40)}}\n`),
    ).toEqual([[1, 1, '', null, 'at most 32 levels deep']])
  })
  test('a file over the limit is refused unread', () => {
    expect(problemsOf(`# ${'x'.repeat(5 * 1024 * 1024)}\n`)).toEqual([[1, 1, '', null, 'at most 5242880 bytes']])
  })
  test('tags, keys of __proto__ and numbers that are none reach nothing', () => {
    expect(problemsOf('kind: module\nname: a\ndriver: x\nsettings: {n: .nan}\n')).not.toHaveProperty('changes')
    expect(problemsOf('kind: module\nname: a\ndriver: x\nsettings: {n: !!binary aGVsbG8=}\n')).not.toHaveProperty(
      'changes',
    )
    parseDocumentFile('kind: module\nname: a\ndriver: x\nsettings: {__proto__: {polluted: 1}}\n')
    expect({}).not.toHaveProperty('polluted')
  })
  test('an empty file has no documents', () => {
    expect([changesOf(''), changesOf('---\n---\n# nothing\n')]).toEqual([[], []])
  })
})

test('what is exported is taken back as it was, and exported again as the same text', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/)
  const text = fc.oneof(
    fc.constantFrom(
      '1',
      'true',
      'null',
      '~',
      '# no comment',
      ' padded ',
      'a: b',
      '- x',
      '0x1f',
      '1e3',
      '',
      'zwei\nZeilen\n',
      '\tx',
      '"',
      '{}',
      '*a',
      '&a',
      '!t',
      '2024-01-01',
    ),
    fc.string({ maxLength: 30, unit: 'grapheme' }),
  )
  const name = text.map((value) => value.trim().slice(0, 60) || 'name')
  const json = fc.dictionary(
    fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'),
    fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    { maxKeys: 4 },
  )
  const document = fc.oneof(
    fc.record({
      kind: fc.constant('edge' as const),
      raw: fc.record(
        { id, name, description: text, failover: fc.boolean(), admins: fc.array(id, { maxLength: 3 }), commit: text },
        { requiredKeys: ['id', 'name'] },
      ),
    }),
    fc.record({
      kind: fc.constant('module' as const),
      raw: fc.record(
        { id, name, driver: fc.constant('x'), uri: text, settings: json, enabled: fc.boolean() },
        { requiredKeys: ['id', 'name', 'driver'] },
      ),
    }),
    fc.record({
      kind: fc.constant('system' as const),
      raw: fc.record(
        { id, name, edgeId: id, modules: fc.array(id, { maxLength: 4 }), settings: json },
        { requiredKeys: ['id', 'name'] },
      ),
    }),
  )
  fc.assert(
    fc.property(
      fc.uniqueArray(document, { selector: ({ kind, raw }) => `${kind} ${raw.id}`, maxLength: 6 }),
      (drawn) => {
        const documents = drawn.map(({ kind, raw }) => ({
          kind,
          id: raw.id,
          body: documentSchemas[kind].parse(raw),
        }))
        // A reference of a sound journal names an id that is there, or at least no other document's name: files may refer by name.
        const ids = new Set(documents.map(({ kind, id }) => `${kind} ${id}`))
        const names = new Set(documents.map(({ kind, body }) => `${kind} ${body.name.trim().toLowerCase()}`))
        const references = drawn.flatMap(({ kind, raw }) =>
          kind === 'system'
            ? [...(raw.modules ?? []).map((one) => `module ${one}`), ...(raw.edgeId ? [`edge ${raw.edgeId}`] : [])]
            : [],
        )
        fc.pre(references.every((one) => ids.has(one) || !names.has(one.toLowerCase())))
        const file = formatDocumentFile(documents)
        const read = changesOf(file).map((change) =>
          change.op === 'put' ? { kind: change.kind, body: documentSchemas[change.kind].parse(change.body) } : null,
        )
        const sorted = formatDocumentFile([...documents].reverse())
        expect(sorted).toBe(file)
        const expected = new Map(documents.map(({ kind, id, body }) => [`${kind} ${id}`, body]))
        expect(read).toHaveLength(documents.length)
        for (const entry of read) expect(entry?.body).toEqual(expected.get(`${entry?.kind} ${entry?.body.id}`))
      },
    ),
    { numRuns: 300 },
  )
})

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { useCli } from '../../support/cli-console'
import { activitySample, AT, checkSample } from '../../support/console-samples'

const { run, asked, double } = useCli()

describe('activity', () => {
  test('list shows who did what, and asks with the filters it was given', async () => {
    const { code, out } = await run([
      'activity',
      'list',
      '--kind',
      'change,refusal',
      '--edge',
      'Berlin',
      '--actor',
      'kim',
    ])
    expect(code).toBe(0)
    expect(out).toContain('edges.restore edge berlin')
    expect(asked()).toEqual([
      ['activity.list', { kind: ['change', 'refusal'], edge: 'Berlin', actor: 'kim', limit: 100 }],
    ])
  })

  test('list asks on where a page ended, until it has what was asked for', async () => {
    let page = 0
    double().answer({
      'activity.list': () => {
        page++
        // A search may find nothing on a page and go on all the same.
        return page === 3
          ? { items: [activitySample(3)], next: null }
          : { items: page === 1 ? [activitySample(9)] : [], next: { at: AT, id: page } }
      },
    })
    const { out } = await run(['activity', 'list', '--limit', '5', '--json'])
    expect((JSON.parse(out) as { id: number }[]).map(({ id }) => id)).toEqual([9, 3])
    expect(asked().map(([, params]) => (params as { before?: { id: number } }).before?.id)).toEqual([undefined, 1, 2])
  })

  test('list --watch prints what happens as it comes', async () => {
    const watching = run(['activity', 'list', '--watch'], { onOut: (_, interrupt) => interrupt() })
    while (double().subscribers('activity') === 0) await new Promise((resolve) => setImmediate(resolve))
    double().publish('activity', activitySample(1))
    expect((await watching).out).toMatch(/change {2}cli:kim {2}done {2}edges\.restore edge berlin\n$/)
  })

  test('export writes page after page', async () => {
    let page = 0
    double().answer({
      'activity.export': () => ({ text: `page ${++page}\n`, items: 1, next: page < 3 ? { at: AT, id: page } : null }),
    })
    expect((await run(['activity', 'export', '--format', 'csv'])).out).toBe('page 1\npage 2\npage 3\n')
    expect(asked()[0]).toMatchObject(['activity.export', { format: 'csv' }])
  })
})

describe('doctor', () => {
  test('shows what the controller found, with a sum, and ends with 1 when something is wrong', async () => {
    const wrong = { ...checkSample(), result: 'fail' as const, fix: 'Free some space.', isFixable: false }
    double().answer({ 'diagnostics.checks': () => ({ at: AT, checks: [wrong] }) })
    const { code, out } = await run(['doctor'])
    expect(code).toBe(1)
    expect(out).toContain('Free some space.')
    expect(out).toContain('0 fine, 0 to look at, 1 wrong, 0 unknown')
  })

  test('--fix mends one check and shows it', async () => {
    expect((await run(['doctor', '--fix', 'free-space', '--json'])).json()).toMatchObject([{ id: 'free-space' }])
    expect(asked()).toEqual([['diagnostics.fix', { check: 'free-space' }]])
  })
})

describe('bundle', () => {
  test('--preview shows the files and writes nothing', async () => {
    const { out } = await run(['bundle', '--preview'])
    expect(out).toContain('== status.json')
    expect(out).toContain('Nothing was written.')
    expect(asked().map(([op]) => op)).toEqual(['diagnostics.preview'])
  })

  test('is written for its owner alone', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bundle-'))
    try {
      const file = path.join(folder, 'b.tar.gz')
      expect((await run(['bundle', '--out', file, '--json'])).json()).toMatchObject({ file, bytes: 4 })
      expect(await readFile(file, 'base64')).toBe('H4sIAA==')
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect((await run(['bundle', '--out', file])).code).toBe(1)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

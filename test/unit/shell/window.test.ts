import { describe, expect, test } from 'vitest'
import { homepage } from '../../../package.json'
import { isFromWindow, isOwnPage, mayOpenExternal, mayUse } from '../../../electron/shell/guarding'
import { placeWindow, usualSize } from '../../../electron/shell/placing'

const first = { x: 0, y: 0, width: 1_920, height: 1_040 }
const second = { x: 1_920, y: 0, width: 1_280, height: 1_000 }

describe('the place of the window', () => {
  test('is where it was', () => {
    const was = { x: 2_000, y: 50, width: 900, height: 700 }
    expect(placeWindow(was, [first, second])).toEqual(was)
  })

  test('is the first display, in the old size, when its own is gone', () => {
    const was = { x: 2_000, y: 50, width: 900, height: 700 }
    expect(placeWindow(was, [first])).toEqual({ width: 900, height: 700 })
  })

  test('is never where its bar cannot be reached', () => {
    for (const was of [
      { x: -1_950, y: 0, width: 2_000, height: 700 },
      { x: 0, y: -500, width: 900, height: 700 },
      { x: 1_900, y: 0, width: 900, height: 700 },
      { x: 0, y: 1_030, width: 900, height: 700 },
    ])
      expect(placeWindow(was, [first])).not.toHaveProperty('x')
  })

  test('is no larger than its display and never too small', () => {
    expect(placeWindow({ x: 0, y: 0, width: 5_000, height: 5_000 }, [first])).toMatchObject({
      width: 1_920,
      height: 1_040,
    })
    expect(placeWindow({ x: 0, y: 0, width: 10, height: 10 }, [first])).toMatchObject({ width: 480, height: 400 })
  })

  test('is the usual one at a first start and without any display', () => {
    expect(placeWindow(null, [first])).toEqual(usualSize)
    expect(placeWindow({ x: 0, y: 0, width: 900, height: 700 }, [])).toEqual(usualSize)
  })
})

describe('what a page may do', () => {
  test.each([
    [homepage, true],
    ['https://holdfast.example/', true],
    ['https://holdfast.example/join?x=1#y', false],
    ['https://holdfast.example/?x=1', false],
    ['http://holdfast.example/', false],
    ['https://holdfast.example:8443/', false],
    ['https://user@holdfast.example/', false],
    ['https://docs.holdfast.example/', false],
    ['https://holdfast.example.evil.example/', false],
    ['https://evil.example/holdfast.example', false],
    ['file:///etc/passwd', false],
    ['javascript:alert(1)', false],
    ['smb://holdfast.example/', false],
    ['not an address', false],
  ])('opening %s: %s', (url, expected) => {
    expect(mayOpenExternal(url)).toBe(expected)
  })

  test('only addresses of the window are its own', () => {
    expect(['app://holdfast', 'app://holdfast/', 'app://holdfast/#/site'].map(isOwnPage)).toEqual([true, true, true])
    const others = [
      'app://holdfast.evil/',
      'app://holdfas',
      'app://holdfast@evil/',
      'https://holdfast/',
      'data:app://holdfast/',
    ]
    expect(others.map(isOwnPage)).toEqual(others.map(() => false))
  })

  test('copying is allowed to our own page, nothing else to anybody', () => {
    expect(mayUse('clipboard-sanitized-write', 'app://holdfast/')).toBe(true)
    expect(mayUse('clipboard-sanitized-write', 'https://example.org/')).toBe(false)
    expect(mayUse('media', 'app://holdfast/')).toBe(false)
  })

  test('a message counts only from the main frame of the window, on its own page', () => {
    const frame = { url: 'app://holdfast/#/', parent: null }
    const event = { sender: { id: 7 }, senderFrame: frame }
    expect(isFromWindow(event, 7)).toBe(true)
    expect(isFromWindow(event, 8)).toBe(false)
    expect(isFromWindow(event, null)).toBe(false)
    expect(isFromWindow({ ...event, senderFrame: null }, 7)).toBe(false)
    expect(isFromWindow({ ...event, senderFrame: { ...frame, parent: {} } }, 7)).toBe(false)
    expect(isFromWindow({ ...event, senderFrame: { ...frame, url: 'https://example.org/' } }, 7)).toBe(false)
  })
})

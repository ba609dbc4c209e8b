import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')

// What git knows and what it would take: a file is tidy before it is committed. Deleted files are still listed until then.
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
  cwd: root,
  encoding: 'utf8',
})
const deleted = execFileSync('git', ['ls-files', '-z', '--deleted'], { cwd: root, encoding: 'utf8' })
const gone = new Set(deleted.split('\0'))
const files = tracked.split('\0').filter((file) => file !== '' && !gone.has(file))

const isText = (file: string) =>
  /\.(ts|mts|js|mjs|vue|css|html|json|md|yaml|yml|txt|sql|sh)$/.test(file) || file === '.ci/run'
const isCode = (file: string) => /\.(ts|mts|js|mjs|vue)$/.test(file)
const own = (file: string) => /^(electron|shared|renderer|test|build)\//.test(file)
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')

const linesMax = 600
const bytesMax = 1024 * 1024

// Written in pieces, so that this file does not find itself.
const marker = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)
const machinePath = new RegExp(
  `(^|[\\s"'\`(=:])/(${['ro' + 'ot', 'wo' + 'rk', 'home/[a-z]', 'Us' + 'ers/[A-Za-z]'].join('|')})(/|\\b)`,
)
const focused = new RegExp(`\\b(it|test|describe|suite)(\\.[a-z]+)*\\.${'on' + 'ly'}\\b`)
const vagueNames = /(^|[/-])(utils?|helpers?|common|misc|manager|types|impl|base)\.(ts|vue|js|mjs)$/

/** Every line of the files that the expression finds, as `file:line: text`. */
function found(expression: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (expression.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  )
}

describe('the tree', () => {
  const text = files.filter((file) => isText(file) && file !== 'package-lock.json')
  const code = files.filter((file) => isCode(file) && own(file))

  it('has files to look at', () => {
    expect(code.length).toBeGreaterThan(10)
  })

  it(`keeps every source file below ${linesMax} lines`, () => {
    const long = code.filter((file) => read(file).split('\n').length > linesMax)
    expect(long).toEqual([])
  })

  it('keeps every file below a mebibyte', () => {
    const heavy = files.filter((file) => readFileSync(path.join(root, file)).length > bytesMax)
    expect(heavy).toEqual([])
  })

  it('names source files in kebab-case, with App.vue and the SPEC pages as the exceptions', () => {
    const named = /^[a-z0-9]+([.-][a-z0-9]+)*$/
    const odd = code.filter((file) => !named.test(path.basename(file)) && path.basename(file) !== 'App.vue')
    expect(odd).toEqual([])
  })

  it('names files after what they are about', () => {
    expect(code.filter((file) => vagueNames.test(file))).toEqual([])
  })

  it('leaves no markers of unfinished work', () => {
    expect(found(marker, text)).toEqual([])
  })

  it('names no folder of the machine it was written on', () => {
    expect(found(machinePath, text)).toEqual([])
  })

  it('runs every test: none is singled out', () => {
    expect(found(focused, code)).toEqual([])
  })

  it('has a test in every folder of tests', () => {
    const withoutTests = new Set(['support', 'bench'])
    const folders = new Set(code.flatMap((file) => /^test\/([^/]+)\//.exec(file)?.[1] ?? []))
    const empty = [...folders].filter(
      (folder) =>
        !withoutTests.has(folder) &&
        !code.some((file) => file.startsWith(`test/${folder}/`) && file.endsWith('.test.ts')),
    )
    expect(empty).toEqual([])
  })

  it('titles tests with what happens, not with what ought to', () => {
    const ought = new RegExp(`\\b(it|test)(\\.[a-z]+)?\\(\\s*['"\`][^'"\`]*\\b${'sho' + 'uld'}\\b`)
    expect(found(ought, code)).toEqual([])
  })
})

describe('the README', () => {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts)

  it('names commands that exist, and every one of them', () => {
    const named = [...read('README.md').matchAll(/npm (?:run )?([a-z][a-z:]*)/g)].flatMap(([, name]) => name ?? [])
    const npmsOwn = new Set(['install', 'brings'])
    expect(named.filter((name) => !npmsOwn.has(name) && !scripts.includes(name))).toEqual([])
    expect(scripts.filter((name) => !named.includes(name))).toEqual([])
  })

  it('links to files that exist', () => {
    const links = [...read('README.md').matchAll(/\]\(([^)#]+)/g)].flatMap(([, target]) => target ?? [])
    const local = links.filter((target) => !/^[a-z]+:/.test(target))
    expect(local.filter((target) => !existsSync(path.join(root, target)))).toEqual([])
  })
})

describe('the lock file', () => {
  interface Lock {
    packages: Record<string, { version?: string; integrity?: string; resolved?: string; link?: boolean }>
  }
  const lock = JSON.parse(read('package-lock.json')) as Lock
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>

  it('has an integrity for every package and no address, so that any registry serves it', () => {
    const packages = Object.entries(lock.packages).filter(([name]) => name !== '')
    expect(packages.filter(([, entry]) => !entry.integrity).map(([name]) => name)).toEqual([])
    expect(packages.filter(([, entry]) => entry.resolved).map(([name]) => name)).toEqual([])
  })

  it('fixes exactly the versions that package.json names', () => {
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, version] of Object.entries(manifest[group] ?? {}))
        expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version])
  })
})

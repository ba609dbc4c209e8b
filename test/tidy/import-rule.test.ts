import path from 'node:path'
import { ESLint } from 'eslint'
import { describe, expect, it } from 'vitest'
import { refusal } from '../../build/rules/imports'

const root = path.resolve(import.meta.dirname, '../..')

type Case = [file: string, source: string, typeOnly?: boolean]

const allowed: Case[] = [
  ['shared/console/contract.ts', '../model/documents'],
  ['shared/model/documents.ts', 'zod'],
  ['electron/core/control/step.ts', './states'],
  ['electron/core/control/step.ts', '../machine'],
  ['electron/core/control/step.ts', '../../../shared/model/time'],
  ['electron/core/control/step.ts', '../election/states', true],
  ['electron/journal/sqlite.ts', 'better-sqlite3'],
  ['electron/journal/sqlite.ts', 'node:fs'],
  ['electron/journal/sqlite.ts', '../platform/ports'],
  ['electron/records/records.ts', '../core/control/states', true],
  ['electron/link/ws-client.ts', 'ws'],
  ['electron/edge/edge.ts', '../journal/journal'],
  ['electron/edge/edge.ts', '../core/control/step'],
  ['electron/edge/edge.ts', '../modules/contract'],
  ['electron/edge/edge.ts', '../console/operations'],
  ['electron/cli/cli.ts', '../compose'],
  ['electron/compose.ts', './journal/sqlite'],
  ['electron/main.ts', './shell/tray'],
  ['electron/main.ts', 'electron'],
  ['renderer/features/fleet/fleet-page.vue', '../../stores/fleet'],
  ['renderer/ui/button.vue', 'reka-ui'],
  ['test/unit/journal.test.ts', '../../electron/journal/sqlite'],
  ['test/unit/journal.test.ts', 'better-sqlite3'],
]

const refused: Case[] = [
  ['shared/model/documents.ts', '../console/contract'],
  ['shared/text/tray.ts', '../settings/schema'],
  ['shared/wire/codec.ts', '../../electron/platform/ports'],
  ['shared/wire/codec.ts', 'node:buffer'],
  ['electron/core/control/step.ts', 'node:fs'],
  ['electron/core/control/step.ts', 'zod'],
  ['electron/core/control/step.ts', '../election/states'],
  ['electron/core/control/step.ts', '../../platform/ports', true],
  ['electron/core/control/step.ts', '../../../shared/console/contract', true],
  ['electron/journal/journal.ts', 'better-sqlite3'],
  ['electron/journal/sqlite.ts', '../outbox/outbox'],
  ['electron/journal/sqlite.ts', '../core/control/step'],
  ['electron/edge/edge.ts', '../journal/sqlite'],
  ['electron/edge/edge.ts', '../master/master', true],
  ['electron/edge/edge.ts', '../platform/clock'],
  ['electron/edge/edge.ts', 'ws'],
  ['electron/modules/process-host.ts', 'electron'],
  ['electron/console/ipc.ts', 'electron'],
  ['electron/cli/cli.ts', '../journal/sqlite'],
  ['electron/compose.ts', './shell/tray'],
  ['electron/headless.ts', './shell/tray'],
  ['electron/preload.ts', './compose'],
  ['electron/edge/edge.ts', '../../test/support/browser'],
  ['electron/edge/edge.ts', '../../build/builder.mjs'],
  ['renderer/ui/button.vue', '../stores/fleet'],
  ['renderer/stores/fleet.ts', '../../electron/console/operations', true],
  ['renderer/stores/fleet.ts', '../../shared/wire/codec', true],
  ['renderer/bridge.ts', 'node:net'],
  ['build/builder.mjs', '../electron/compose'],
]

const title = ([file, source, typeOnly]: Case) => `${file}: import ${typeOnly ? 'type ' : ''}${source}`

describe('the import rule', () => {
  it.each(allowed.map((each) => [title(each), each] as const))('allows %s', (_, [file, source, typeOnly]) => {
    expect(refusal(file, source, typeOnly ?? false)).toBeNull()
  })

  it.each(refused.map((each) => [title(each), each] as const))('refuses %s', (_, [file, source, typeOnly]) => {
    expect(refusal(file, source, typeOnly ?? false)).toContain('may not import')
  })

  it('is part of the lint run, which also refuses clocks in core and the environment outside compose', async () => {
    const eslint = new ESLint({ cwd: root, overrideConfigFile: path.join(root, 'build/eslint.config.js') })
    const found = async (file: string, code: string) => {
      const results = await eslint.lintText(code, { filePath: path.join(root, file) })
      return results.flatMap((result) => result.messages.map((message) => message.ruleId ?? message.message))
    }
    // JavaScript: a file that is on no disk belongs to no TypeScript project, and these rules read syntax only.
    expect(await found('electron/edge/made-up.js', "import '../master/master'\n")).toEqual(['holdfast/imports'])
    expect(await found('electron/edge/made-up.js', "export * from '../journal/sqlite'\n")).toEqual(['holdfast/imports'])
    expect(await found('electron/edge/made-up.js', "await import('electron')\n")).toEqual(['holdfast/imports'])
    expect(await found('electron/core/made-up.js', 'export const a = Date.now()\n')).toEqual(['no-restricted-syntax'])
    expect(await found('electron/core/made-up.js', 'export const a = new Date()\n')).toEqual(['no-restricted-syntax'])
    expect(await found('electron/core/made-up.js', 'export const a = Math.random()\n')).toEqual([
      'no-restricted-syntax',
    ])
    expect(await found('electron/core/made-up.js', 'setTimeout(() => {}, 0)\n')).toEqual(['no-restricted-globals'])
    expect(await found('electron/edge/made-up.js', 'export const a = process.env.HOME\n')).toEqual([
      'no-restricted-syntax',
    ])
    expect(await found('electron/compose.js', 'export const a = process.env.HOME\n')).toEqual(['no-restricted-syntax'])
    expect(await found('electron/edge/made-up.js', 'export const a = 1\n')).toEqual([])
  })
})

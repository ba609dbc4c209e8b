import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sensitiveOf } from '../../../electron/compose/sensitive'
import { bundleFiles, type BundleFacts } from '../../../electron/diagnostics/bundle'
import { openNamedSecrets } from '../../../electron/platform/named-secrets'
import { fileSecrets } from '../../../electron/platform/secrets'
import { settings } from '../../../shared/settings/settings'
import { wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'

let dataDir: string
beforeEach(() => void (dataDir = mkdtempSync(path.join(tmpdir(), 'holdfast-bundle-'))))
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

async function bundleWith(facts: Partial<BundleFacts>): Promise<string> {
  const secrets = fileSecrets(path.join(dataDir, 'secrets'))
  const clock = { wall: () => wallMs(1_000) }
  const namedSecrets = await openNamedSecrets(secrets, { clock, logger: capturedLog().logger })
  await namedSecrets.set('hall/plc', 'Ulmenhain8', 'cli:kim')
  await namedSecrets.give(new Map([['hall/door', 'Kranich7\nsecond-Line9']]))
  const view = { current: settings.parse({}), set: () => Promise.reject(new Error('not here')) }
  const sensitive = await sensitiveOf({ dataDir, mainDir: dataDir, secrets, namedSecrets, settings: view }, [])
  const files = bundleFiles({
    ...{ at: 1_000, versions: {}, settings: {}, documents: [], decisions: [], activity: [], checks: [], lines: [] },
    ...{ status: { modules: [], name: 'site', nodeId: 'n' } as unknown as BundleFacts['status'], databases: {} },
    ...{ sync: null, sensitive, ...facts },
  })
  return files.map(({ name, text }) => `${name}\n${text}`).join('\n')
}

describe('the bundle', () => {
  test('has no value of a named secret, whether it was set here or given by the master', async () => {
    const lines = ['login with Ulmenhain8 failed', 'Kranich7 was refused', 'so was second-Line9 of it'].map(
      (message) => {
        return { at: 1, level: 'warn', scope: 'x', message, fields: { reason: message } } as const
      },
    )
    const text = await bundleWith({ lines })
    expect(text).toContain('login with secret-')
    expect(text).not.toMatch(/Ulmenhain8|Kranich7|second-Line9/i)
  })

  test('says why the push failed last', async () => {
    const lastError = { code: 'storage', message: 'telemetry.db: the disk is full', at: 7 }
    const text = await bundleWith({ sync: { edgeId: 'oslo', asOf: 1, isReachable: true, status: { lastError } } })
    expect(text).toContain('"message": "telemetry.db: the disk is full"')
  })
})

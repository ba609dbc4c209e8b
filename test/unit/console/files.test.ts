import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { KEY_FILE, writeKeyFile } from '../../../electron/console/files'
import { systemRandom } from '../../../electron/platform/random'

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-files-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file that cannot be written is told as one of the disk, with its name, and leaves nothing behind', async () => {
  // Something that no file can replace.
  mkdirSync(path.join(folder, KEY_FILE, 'inside'), { recursive: true })
  await expect(writeKeyFile(folder, systemRandom())).rejects.toMatchObject({
    ...{ code: 'storage', message: expect.stringContaining(KEY_FILE), hint: expect.stringContaining('free space') },
  })
  expect(readdirSync(folder)).toEqual([KEY_FILE])
})

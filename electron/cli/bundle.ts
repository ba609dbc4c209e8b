import { open } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { HoldfastError } from '../../shared/model/failures'
import type { Cli } from './command'
import { exitCodes } from './failure'
import { sizeText } from './show-sync'

export function addBundle(cli: Cli, program: Command): void {
  cli
    .add(program, 'bundle', 'write a diagnostics bundle without names, addresses and secrets', (context, _, options) =>
      context.withConsole(async (client) => {
        if (options['preview'] === true) {
          const preview = await client.call('diagnostics.preview', {})
          context.print(preview, () => {
            const files = preview.files.map(
              ({ name, bytes, text }) => `${context.paint('bold', `== ${name}, ${sizeText(bytes)}`)}\n${text}\n`,
            )
            return `${files.join('')}${preview.files.length} files, ${sizeText(preview.bytes)}. Nothing was written.\n`
          })
          return exitCodes.done
        }
        const { name, bytes, sha256, base64 } = await client.call('diagnostics.bundle', {})
        const file = path.resolve((options['out'] as string | undefined) ?? name)
        await writeNew(file, Buffer.from(base64, 'base64'))
        context.print(
          { file, bytes, sha256 },
          () => `${file}, ${sizeText(bytes)}\nSee what is in it: holdfast bundle --preview\n`,
        )
        return exitCodes.done
      }),
    )
    .option('--out <file>', 'where to write it; it must not exist yet (default: a dated name in this folder)')
    .option('--preview', 'show every file of it instead, and write nothing')
}

/** For this user alone, and never over a file that is there. */
async function writeNew(file: string, content: Buffer): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new HoldfastError('conflict', `${file} exists already.`, { hint: 'Name another file: --out FILE' })
    throw new HoldfastError('storage', `${file} cannot be written: ${message}`, {
      hint: 'Name another file: --out FILE',
      cause: error,
    })
  }
}

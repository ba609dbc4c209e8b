import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../../shared/model/failures'

const OUTPUT_BYTES_MAX = 8 * 1024 * 1024
const REASON_MAX = 200
/** For a controller that was started without any. */
export const STANDARD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * What a program of this machine writes to its output, in English. Null: there is no such program. Rejects when it fails, says too much, or is aborted;
 * it is killed then.
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], {
      ...{ signal, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL', windowsHide: true, cwd: '/' },
      env: { PATH: path, LC_ALL: 'C' },
    })
    return stdout
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return null
    const said = (stderr ?? '').trim().split('\n').at(-1)?.slice(0, REASON_MAX)
    throw new HoldfastError('internal', `${program}: ${said || (error as Error).message.slice(0, REASON_MAX)}`, {
      cause: error,
    })
  }
}

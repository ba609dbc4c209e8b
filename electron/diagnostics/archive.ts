import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const BLOCK = 512
const NAME_MAX = 100

export interface ArchivedFile {
  /** ASCII, at most 100 characters. */
  readonly name: string
  readonly text: string
}

/** A `.tar.gz` (ustar) of regular files, mode 0600, owned by nobody in particular. */
export async function tarGz(files: readonly ArchivedFile[], at: number): Promise<Buffer> {
  const blocks = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text, 'utf8')
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)
    return [header(name, content.length, at), content, padding]
  })
  return await promisify(gzip)(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), { level: 9 })
}

/** Fields at their places, numbers in octal, as POSIX.1-1988 has it. The checksum is over the header with blanks in its own place. */
function header(name: string, size: number, at: number): Buffer {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > NAME_MAX) throw new Error(`${name} cannot be a name in an archive`)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  block.write(name, 0, 'latin1')
  block.write(octal(0o600, 7), 100, 'latin1')
  block.write(octal(0, 7), 108, 'latin1')
  block.write(octal(0, 7), 116, 'latin1')
  block.write(octal(size, 11), 124, 'latin1')
  block.write(octal(Math.floor(at / 1_000), 11), 136, 'latin1')
  block.write('        ', 148, 'latin1')
  block.write('0', 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

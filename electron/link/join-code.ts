import { createHash } from 'node:crypto'
import { HoldfastError } from '../../shared/model/failures'

/**
 * What an operator carries from a master to a new edge. As text: `HF1-` and base64url of
 *
 *     length u16 (of all that follows) | CA hash 32 | token id 8 | token 32 | URLs u8, each u8 length + UTF-8 | checksum 4
 *
 * where the checksum is the beginning of the SHA-256 of everything before it. It tells a slip of the hand from a refusal; it protects nothing.
 */
export interface JoinTicket {
  readonly masterUrls: readonly string[]
  /** SHA-256 of the control plane's CA certificate (DER). */
  readonly caSha256: Buffer
  /** 16 hex digits. */
  readonly tokenId: string
  readonly token: Buffer
}

const PREFIX = 'HF1-'
const HASH_BYTES = 32
export const TOKEN_ID_BYTES = 8
export const TOKEN_BYTES = 32
const CHECKSUM_BYTES = 4
const URLS_MAX = 5
const URL_BYTES_MAX = 200
const LENGTH_BYTES = 2
const FIXED_BYTES = HASH_BYTES + TOKEN_ID_BYTES + TOKEN_BYTES
const CODE_CHARS_MAX = 4_000

const checksumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)

/** Throws `HoldfastError('invalid')` if a URL cannot be carried. */
export function encodeJoinCode(ticket: JoinTicket): string {
  const urls = ticket.masterUrls.map((url) => Buffer.from(checkedUrl(url), 'utf8'))
  if (urls.length < 1 || urls.length > URLS_MAX)
    throw new HoldfastError('invalid', `A join code carries 1 to ${URLS_MAX} master URLs, not ${urls.length}`)
  const content = Buffer.concat([
    ticket.caSha256,
    Buffer.from(ticket.tokenId, 'hex'),
    ticket.token,
    Buffer.from([urls.length]),
    ...urls.flatMap((url) => [Buffer.from([url.length]), url]),
  ])
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16BE(content.length + CHECKSUM_BYTES)
  const summed = Buffer.concat([length, content])
  return PREFIX + Buffer.concat([summed, checksumOf(summed)]).toString('base64url')
}

/** Throws `HoldfastError('invalid')` saying what is wrong with the code; the message never repeats it. White space (mail, terminals) is ignored. */
export function decodeJoinCode(text: string): JoinTicket {
  const code = text.replace(/\s+/g, '')
  if (code === '') throw unreadable('The join code is empty')
  if (code.length > CODE_CHARS_MAX) throw unreadable('The join code is too long to be one')
  const version = /^HF(\d+)-/.exec(code)
  if (version === null) throw unreadable(`This is not a join code: it does not begin with ${PREFIX}`)
  if (version[0] !== PREFIX)
    throw unreadable(`The join code is of a newer kind (${version[0]})`, 'Update Holdfast on this machine.')
  const body = code.slice(PREFIX.length)
  const foreign = /[^A-Za-z0-9_-]/.exec(body)
  if (foreign !== null)
    throw unreadable(
      `The join code has a character that cannot be in one, at position ${PREFIX.length + foreign.index + 1}`,
    )
  const bytes = Buffer.from(body, 'base64url')
  const wanted = bytes.length < LENGTH_BYTES ? null : LENGTH_BYTES + bytes.readUInt16BE(0)
  if (wanted === null || bytes.length < wanted) throw unreadable('The join code is cut off: its end is missing')
  const summed = bytes.subarray(0, -CHECKSUM_BYTES)
  if (
    bytes.length !== wanted ||
    !checksumOf(summed).equals(bytes.subarray(-CHECKSUM_BYTES)) ||
    bytes.toString('base64url') !== body
  ) {
    throw unreadable('The join code is mistyped: its checksum does not fit')
  }
  return readTicket(summed.subarray(LENGTH_BYTES))
}

function readTicket(content: Buffer): JoinTicket {
  const count = content.length > FIXED_BYTES ? content[FIXED_BYTES]! : 0
  const masterUrls: string[] = []
  let at = FIXED_BYTES + 1
  for (let index = 0; index < count; index++) {
    const length = content[at] ?? 0
    masterUrls.push(checkedUrl(content.toString('utf8', at + 1, at + 1 + length)))
    at += 1 + length
  }
  if (count < 1 || count > URLS_MAX || at !== content.length)
    throw unreadable('The join code holds something else than a join code does')
  const tokenAt = HASH_BYTES + TOKEN_ID_BYTES
  return {
    masterUrls,
    caSha256: content.subarray(0, HASH_BYTES),
    tokenId: content.toString('hex', HASH_BYTES, tokenAt),
    token: content.subarray(tokenAt, FIXED_BYTES),
  }
}

function checkedUrl(url: string): string {
  const parsed = URL.parse(url)
  if (
    parsed?.protocol !== 'wss:' ||
    parsed.username !== '' ||
    parsed.hash !== '' ||
    Buffer.byteLength(url) > URL_BYTES_MAX
  ) {
    throw new HoldfastError('invalid', `"${url.slice(0, URL_BYTES_MAX)}" is not the URL of a master`, {
      hint: 'It looks like wss://master.example:7421.',
    })
  }
  return url
}

const unreadable = (message: string, hint = 'Copy the whole line that the master printed, from HF1- to its end.') =>
  new HoldfastError('invalid', message, { hint })

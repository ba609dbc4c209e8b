import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { HoldfastError } from '../../shared/model/failures'
import type { Random, Sealing } from './ports'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const LABEL = 'holdfast sealed value 1'
/** What stands before the 32 bytes of an X25519 key in its DER form. */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex')

/**
 * X25519, HKDF-SHA256, AES-256-GCM, with a fresh pair of keys for each side of each exchange: who records the traffic, or reads the memory of whatever passes it
 * on, learns nothing. Who the far side is must be known otherwise: here by the proven link that carries the keys.
 */
export function x25519Sealing(random: Pick<Random, 'bytes'>): Sealing {
  return () => {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    const own = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_HEAD.length)
    const keyFor = (farKey: string, about: readonly string[], isSealer: boolean): Buffer => {
      const far = Buffer.from(farKey, 'base64')
      const order = isSealer ? [own, far] : [far, own]
      const info = Buffer.concat([LABEL, ...about].map(lengthPrefixed))
      return Buffer.from(hkdfSync('sha256', agreed(privateKey, far), Buffer.concat(order), info, KEY_BYTES))
    }
    return {
      publicKey: own.toString('base64'),
      seal(farKey, about, text) {
        const nonce = random.bytes(NONCE_BYTES)
        const cipher = createCipheriv('aes-256-gcm', keyFor(farKey, about, true), nonce)
        return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
          'base64',
        )
      },
      open(farKey, about, box) {
        const bytes = Buffer.from(box, 'base64')
        if (bytes.length < NONCE_BYTES + TAG_BYTES) throw notSealed()
        const key = keyFor(farKey, about, false)
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
        try {
          return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString(
            'utf8',
          )
        } catch {
          throw notSealed()
        }
      },
    }
  }
}

function agreed(privateKey: KeyObject, far: Buffer): Buffer {
  if (far.length !== KEY_BYTES) throw noKey()
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI_HEAD, far]), format: 'der', type: 'spki' })
    return diffieHellman({ privateKey, publicKey })
  } catch {
    // Among others a point of low order, which would make any secret the same.
    throw noKey()
  }
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const notSealed = () => new HoldfastError('invalid', 'A value was not sealed for this controller')
const noKey = () => new HoldfastError('invalid', 'Not a key to seal with')

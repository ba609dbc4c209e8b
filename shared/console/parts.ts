import { CONSOLE_BYTES_MAX } from './protocol'

/** What stands around the items of a message. */
export const MESSAGE_FRAME_BYTES = 16_384
/** Items as JSON that fit into one message of any console. */
export const MESSAGE_ITEMS_BYTES_MAX = CONSOLE_BYTES_MAX - MESSAGE_FRAME_BYTES

/** In their order, cut into as few parts as have a JSON of at most `bytesMax` and `countMax` items each. What is longer by itself is a part of its own. */
export function inParts<T>(items: readonly T[], bytesMax: number, countMax = Infinity): T[][] {
  const parts: T[][] = []
  let bytes = 0
  for (const item of items) {
    const own = bytesInParts(item)
    const last = parts.at(-1)
    if (last === undefined || bytes + own > bytesMax || last.length === countMax) {
      parts.push([item])
      // The brackets.
      bytes = own + 1
    } else {
      last.push(item)
      bytes += own
    }
  }
  return parts
}

/** What an item adds to its part. */
export const bytesInParts = (item: unknown): number => bytesOf(JSON.stringify(item)) + 1

/** As UTF-8. */
function bytesOf(text: string): number {
  let bytes = 0
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    // Each half of a pair is two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3
  }
  return bytes
}

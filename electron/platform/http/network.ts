import { isIPv6 } from 'node:net'

/**
 * Whom an address counts as. With IPv6 one machine has a whole /64 of them, and whoever is given a /48 has 65,536 of those: were they told apart, none of the shares and delays
 * that are counted by network would bind. What is no address (a session) stays as it is.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.toLowerCase().split('%')[0]!.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const filling = Array<string>(Math.max(8 - front.length - back.length, 0)).fill('0')
  const groups = tail === undefined ? front : [...front, ...filling, ...back]
  const network = groups.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16))
  return network.every((group) => group === '0') ? address : `${network.join(':')}::/48`
}

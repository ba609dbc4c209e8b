import { buildIfStale } from './scripts/fresh.mjs'

export default function setup() {
  buildIfStale()
}

import { existsSync, readFileSync } from 'node:fs'
import { strict } from './state.mjs'

/** Only PNG files; what cannot be read is empty, as in Electron. */
export class NativeImage {
  #data
  #isTemplate = false
  constructor(data) {
    this.#data = data
  }
  isEmpty() {
    return this.#data.length === 0
  }
  getSize() {
    if (this.isEmpty()) return { width: 0, height: 0 }
    return { width: this.#data.readUInt32BE(16), height: this.#data.readUInt32BE(20) }
  }
  toPNG() {
    return this.#data
  }
  setTemplateImage(isTemplate) {
    this.#isTemplate = isTemplate
  }
  isTemplateImage() {
    return this.#isTemplate
  }
}

export const nativeImage = strict(
  {
    createEmpty: () => new NativeImage(Buffer.alloc(0)),
    createFromPath: (file) => new NativeImage(existsSync(file) ? readFileSync(file) : Buffer.alloc(0)),
    createFromBuffer: (data) => new NativeImage(data),
  },
  'nativeImage',
)

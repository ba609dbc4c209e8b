/** What the launcher found on the command line. */
export const launch = globalThis.__electronStandIn

/** An event object as Electron's emitters give it first. */
export const eventWith = (fields = {}) => ({
  defaultPrevented: false,
  preventDefault() {
    this.defaultPrevented = true
  },
  ...fields,
})

// Asked for by whatever looks at any object: Node's inspector, promises, JSON.
const askedOfEverything = ['then', 'toJSON', 'constructor', 'inspect', 'nodeType', '__esModule', 'default']

/**
 * What is not written here fails loudly instead of answering undefined.
 *
 * @template {object} T
 * @param {T} value
 * @param {string} name
 * @returns {T}
 */
export const strict = (value, name) =>
  new Proxy(value, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || askedOfEverything.includes(key))
        return Reflect.get(target, key, target)
      throw new Error(`electron stand-in: ${name}.${key} is not implemented`)
    },
  })

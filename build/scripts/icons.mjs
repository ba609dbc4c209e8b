// Draws the app icon and the tray images from their SVG sources in resources/, in the browser that the tests use: `node build/scripts/run.mjs node build/scripts/icons.mjs`.
// The results are committed; run it after a source has changed. CHROME_PATH names another browser.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright'
import { root } from './launch.mjs'

const icons = path.join(root, 'resources/icons')
const tray = path.join(root, 'resources/tray')
mkdirSync(tray, { recursive: true })

const states = ['edge', 'working', 'master', 'degraded', 'attention']
/**
 * Colours by the background they stand on: `light` for a light bar, `dark` for a dark one. `template` is what macOS colours itself.
 *
 * @type {Record<string, Record<string, string>>}
 */
const colours = {
  light: { edge: '#14794a', working: '#1d66b8', master: '#6436c9', degraded: '#a35a00', attention: '#c22a25' },
  dark: { edge: '#5fd79b', working: '#82bdfb', master: '#bfa6ff', degraded: '#f7c155', attention: '#ff8a80' },
  template: Object.fromEntries(states.map((state) => [state, '#000000'])),
}
/** Edge length in pixels by the end of the name. Bars of Linux desktops take 24 as it is. */
const traySizes = { '.png': 16, '@1.5x.png': 24, '@2x.png': 32 }
const iconSizes = [16, 24, 32, 48, 64, 128, 256, 512, 1024]
/** Types of an .icns archive whose content is a PNG, and its edge length. */
const icnsTypes = {
  icp4: 16,
  icp5: 32,
  ic07: 128,
  ic08: 256,
  ic09: 512,
  ic10: 1024,
  ic11: 32,
  ic12: 64,
  ic13: 256,
  ic14: 512,
}
const icoSizes = [16, 24, 32, 48, 64, 128, 256]

function findBrowser() {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
  const places = [
    process.env.CHROME_PATH ?? '',
    chromium.executablePath(),
    ...names.flatMap((name) => folders.map((folder) => path.join(folder, name))),
  ]
  const found = places.find((place) => place !== '' && existsSync(place))
  if (!found) throw new Error('No browser of the Chromium family was found: set CHROME_PATH to one.')
  return found
}

const isRoot = process.platform === 'linux' && process.getuid?.() === 0
const browser = await chromium.launch({ executablePath: findBrowser(), chromiumSandbox: !isRoot })
const page = await browser.newPage({ deviceScaleFactor: 1 })

/**
 * @param {string} svg
 * @param {number} size
 */
async function draw(svg, size) {
  await page.setViewportSize({ width: size, height: size })
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
  await page.setContent(
    `<style>*{margin:0}img{display:block;width:${size}px;height:${size}px}</style><img src="${source}">`,
  )
  await page.waitForFunction('document.images[0]?.complete')
  return page.screenshot({ omitBackground: true })
}

/** Windows: a directory of images that are PNG files themselves. @param {Map<number, Buffer>} images */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.size)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(images.size, 4)
  let at = 6
  let offset = head.length
  for (const [size, png] of images) {
    head.writeUInt8(size % 256, at)
    head.writeUInt8(size % 256, at + 1)
    head.writeUInt16LE(1, at + 4)
    head.writeUInt16LE(32, at + 6)
    head.writeUInt32LE(png.length, at + 8)
    head.writeUInt32LE(offset, at + 12)
    at += 16
    offset += png.length
  }
  return Buffer.concat([head, ...images.values()])
}

/** macOS: typed blocks one after the other. @param {[string, Buffer][]} images */
function icns(images) {
  const blocks = images.map(([type, png]) => {
    const head = Buffer.alloc(8)
    head.write(type, 'latin1')
    head.writeUInt32BE(png.length + 8, 4)
    return Buffer.concat([head, png])
  })
  const head = Buffer.alloc(8)
  head.write('icns', 'latin1')
  head.writeUInt32BE(8 + blocks.reduce((sum, block) => sum + block.length, 0), 4)
  return Buffer.concat([head, ...blocks])
}

try {
  const source = readFileSync(path.join(icons, 'icon.svg'), 'utf8')
  /** @type {Map<number, Buffer>} */
  const drawn = new Map()
  for (const size of iconSizes) drawn.set(size, await draw(source, size))
  for (const size of [16, 32, 48, 128, 256, 512, 1024])
    writeFileSync(path.join(icons, `${size}x${size}.png`), drawn.get(size) ?? '')
  writeFileSync(path.join(icons, 'icon.png'), drawn.get(1024) ?? '')
  writeFileSync(path.join(icons, 'icon.ico'), ico(new Map([...drawn].filter(([size]) => icoSizes.includes(size)))))
  // Apple's grid leaves room around the tile.
  const framed = source.replace('viewBox="0 0 64 64"', 'viewBox="-7.8 -7.8 79.6 79.6"')
  /** @type {[string, Buffer][]} */
  const blocks = []
  for (const [type, size] of Object.entries(icnsTypes)) blocks.push([type, await draw(framed, size)])
  writeFileSync(path.join(icons, 'icon.icns'), icns(blocks))
  for (const state of states) {
    const glyph = readFileSync(path.join(tray, `${state}.svg`), 'utf8')
    for (const [bar, colour] of Object.entries(colours))
      for (const [end, size] of Object.entries(traySizes))
        writeFileSync(
          path.join(tray, `${state}-${bar}${end}`),
          await draw(glyph.replace('currentColor', colour[state] ?? ''), size),
        )
  }
} finally {
  await browser.close()
}

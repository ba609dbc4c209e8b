import path from 'node:path'
import vue from 'eslint-plugin-vue'
import { defineConfig } from 'eslint/config'
import ts from 'typescript-eslint'
import { importsRule } from './rules/imports.js'
import { readComponentsAsScripts } from './rules/vue-scripts.js'

readComponentsAsScripts()

const root = path.resolve(import.meta.dirname, '..')

const plainScript = ['**/*.js', '**/*.mjs']
const readsEnvironment = [
  'electron/compose.ts',
  'electron/main.ts',
  'electron/headless.ts',
  'electron/offline.ts',
  'electron/cli/**',
  'electron/platform/settings*',
  'electron/platform/settings/**',
]

const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Settings are read once, in compose, and passed in slices.',
}
const noClockOrChance = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time is an argument in core.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is an argument in core.' },
  { selector: "CallExpression[callee.name='Date']", message: 'Time is an argument in core.' },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Chance is an argument in core.',
  },
]
const noForeignClockOrChance = [
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'console',
].map((name) => ({ name, message: 'core is pure: it decides, its driver acts.' }))
const noEnums = {
  selector: 'TSEnumDeclaration, TSModuleDeclaration[kind="namespace"], TSParameterProperty',
  message: 'Types that vanish when compiled only: unions instead of enums, modules instead of namespaces.',
}

export default defineConfig(
  {
    ignores: [
      '**/out/**',
      '**/out.new/**',
      '**/dist/**',
      '**/coverage/**',
      'resources/**',
      'build/ts/**',
      'electron/outbox/otlp/proto/**',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ts.configs.recommendedTypeChecked,
  vue.configs['flat/recommended'],
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: root, extraFileExtensions: ['.vue'] },
    },
    plugins: { holdfast: { rules: { imports: importsRule } } },
    rules: {
      'holdfast/imports': ['error', { root }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-restricted-syntax': ['error', noEnums, noEnvironment],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNever: true },
      ],
      // A port may be asynchronous where one of its implementations is not.
      '@typescript-eslint/require-await': 'off',
      // Ports are objects of functions that close over their state: there is no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['electron/core/**'],
    rules: {
      'no-restricted-globals': ['error', ...noForeignClockOrChance],
      'no-restricted-syntax': ['error', noEnums, noEnvironment, ...noClockOrChance],
    },
  },
  { files: [...readsEnvironment, 'test/**', 'build/**'], rules: { 'no-restricted-syntax': ['error', noEnums] } },
  {
    // Answers of child processes, parsed lines and page scripts are untyped by nature; the assertions check them.
    files: ['test/**'],
    rules: Object.fromEntries(
      ['assignment', 'member-access', 'call', 'argument', 'return'].map((what) => [
        `@typescript-eslint/no-unsafe-${what}`,
        'off',
      ]),
    ),
  },
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // Vue turns static trees into HTML strings, whose style attributes the page's policy forbids.
      'vue/no-static-inline-styles': ['error', { allowBinding: true }],
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/no-v-html': 'error',
      // Prettier owns the layout.
      'vue/html-indent': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/html-closing-bracket-spacing': 'off',
      'vue/multi-word-component-names': 'off',
      // TypeScript marks optional properties; a default for each would say nothing.
      'vue/require-default-prop': 'off',
    },
  },
  {
    files: plainScript,
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { parserOptions: { projectService: false } },
  },
)

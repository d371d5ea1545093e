// What ESLint holds the stage's modules and their tests to. Run from the repository's root.

import js from "@eslint/js"
import globals from "globals"

const STAGE = "explorer/stage/js"

// Imports point one way: a page's folder knows core and itself; generating text is a walk that goes on.
const KNOWN = { core: [], step: ["core"], gradients: ["core"], architectures: ["core"], language: ["core", "step"], train: ["core"], course: ["core"], room: ["core"] }

const oneWay = Object.entries(KNOWN).map(([folder, known]) => ({
  files: [`${STAGE}/${folder}/**/*.js`],
  rules: {
    "no-restricted-imports": ["error", { patterns: [{
      regex: `^(\\.\\./)+(?!\\.\\./|(${["$", ...known].join("|")})/)`, message: `${folder}/ imports from ${["itself", ...known].join(", ")} only`,
    }] }],
  },
}))

export default [
  { ignores: ["tests/js/node_modules"] },
  js.configs.recommended,
  {
    rules: {
      "array-callback-return": "error",
      "consistent-this": "error",
      "eqeqeq": ["error", "always", { null: "ignore" }],
      "no-duplicate-imports": "error",
      "no-else-return": "off",
      "no-implicit-coercion": "error",
      "no-loop-func": "error",
      "no-self-compare": "error",
      "no-shadow": ["error", { allow: ["number", "share", "short"] }],
      "no-template-curly-in-string": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-useless-rename": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "prefer-template": "error",
    },
  },
  { files: [`${STAGE}/**/*.js`], languageOptions: { globals: globals.browser } },
  { files: ["tests/js/**/*.js"], languageOptions: { globals: globals.node } },
  ...oneWay,
]

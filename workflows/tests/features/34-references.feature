# Ruling 34 of the template language.
Feature: What a document names must exist

  Scenario: An unknown retry policy is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      do:
        - a: { try: [ { b: { set: { x: 1 } } } ], catch: { retry: often } }
      """
    Then the workflow should be refused with 'reference.unknown_retry'

  Scenario: An unknown timeout is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      do:
        - a: { set: { x: 1 }, timeout: short }
      """
    Then the workflow should be refused with 'reference.unknown_timeout'

  Scenario: An unknown error is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      do:
        - a: { raise: { error: gone } }
      """
    Then the workflow should be refused with 'reference.unknown_error'

  Scenario: Two kinds of schedule are refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      schedule: { cron: 0 6 * * *, every: PT1H }
      do: []
      """
    Then the workflow should be refused with 'schedule.two_kinds'

  Scenario: An empty schedule is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      schedule: {}
      do: []
      """
    Then the workflow should be refused with 'schedule.empty'

  Scenario: An unknown key at the root is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      tasks: []
      do: []
      """
    Then the workflow should be refused with 'document.unknown_key'

  Scenario: A secret that nothing uses is published with a warning
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      use: { secrets: [ shop, bank ] }
      do:
        - a: { call: http, with: { method: get, endpoint: 'http://a', headers: { x: '${ $secrets.shop }' } } }
      """
    Then the workflow should be published with warning 'warning.unused_secret'

  Scenario: A secret that is named twice is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      use: { secrets: [ shop, shop ] }
      do:
        - a: { call: http, with: { method: get, endpoint: 'http://a', headers: { x: '${ $secrets.shop }' } } }
      """
    Then the workflow should be refused with 'names.repeated'

  Scenario: A function with a blank in its name is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      use: { functions: { 'bad name': { call: http, with: { method: get, endpoint: 'http://a' } } } }
      do: [ { a: { call: 'bad name' } } ]
      """
    Then the workflow should be refused with 'names.malformed'

  Scenario: A function that is called like a protocol is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      use: { functions: { http: { call: http, with: { method: get, endpoint: 'http://a' } } } }
      do: []
      """
    Then the workflow should be refused with 'names.reserved'

  Scenario: Another catalogue by the name of the default one is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r34, version: 1.0.0 }
      use: { catalogs: { default: { endpoint: 'https://a.example' } } }
      do: []
      """
    Then the workflow should be refused with 'names.reserved'

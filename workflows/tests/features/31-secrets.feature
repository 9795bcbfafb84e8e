# Ruling 31 of the template language.
Feature: A secret stands only in what a call sends

  Scenario: Not in what is stored
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r31, version: 1.0.0 }
      use: { secrets: [ api ] }
      do:
        - keep: { set: { key: '${ $secrets.api }' } }
      """
    Then the workflow should be refused with 'secret.leaks'

  Scenario: Not in a condition
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r31, version: 1.0.0 }
      use: { secrets: [ api ] }
      do:
        - keep: { if: $secrets.api == "x", set: { a: 1 } }
      """
    Then the workflow should be refused with 'secret.leaks'

  Scenario: Not under a function
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r31, version: 1.0.0 }
      use: { secrets: [ api ] }
      do:
        - ask: { call: 'work:1.0.0@default', with: { key: '${ $secrets.api | length }' } }
      """
    Then the workflow should be refused with 'secret.leaks'

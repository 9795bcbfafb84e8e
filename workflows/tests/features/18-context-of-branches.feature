# Ruling 18 of the template language.
Feature: A branch sees the context of the fork and its own exports

  Scenario: At the join the changed keys are applied in the order of the branches
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r18, version: 1.0.0 }
      do:
        - begin: { set: { x: 1 }, export: { as: '{ both: 0, a: 0, kept: true }' } }
        - all:
            fork:
              branches:
                - a: { do: [ { late: { call: 'work:1.0.0@default', output: { as: '$context.both' }, export: { as: '$context + { a: 1, both: 1 }' } } }, { seen: { set: { a: '${ $context.a }', b: '${ $context.b }' } } } ] }
                - b: { set: { b: true }, export: { as: '$context + { b: 2, both: 2 }' } }
        - look: { set: '${ $context }' }
      """
    And late answers after PT5S:
      """yaml
      { any: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { both: 2, a: 1, kept: true, b: 2 }
      """
    And seen should complete with output:
      """yaml
      { a: 1, b: null }
      """

  Scenario: In a race only the winner's changes count
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r18, version: 1.0.0 }
      do:
        - first:
            fork:
              compete: true
              branches:
                - a: { do: [ { mark: { set: { x: 1 }, export: { as: '{ a: true }' } } }, { rest: { wait: PT1M } } ] }
                - b: { set: { b: true }, export: { as: '{ b: true }' } }
        - look: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { b: true }
      """

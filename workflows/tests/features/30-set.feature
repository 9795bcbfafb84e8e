# Ruling 30 of the template language.
Feature: set replaces the data

  Scenario: It does not merge
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r30, version: 1.0.0 }
      do:
        - one: { set: { b: 2 } }
      """
    And given the workflow input is:
      """yaml
      { a: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { b: 2 }
      """

  Scenario: An expression gives the whole
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r30, version: 1.0.0 }
      do:
        - one: { set: '${ .a }' }
      """
    And given the workflow input is:
      """yaml
      { a: [ 1, null ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [ 1, null ]
      """

  Scenario: A bare string is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r30, version: 1.0.0 }
      do:
        - one: { set: .a }
      """
    Then the workflow should be refused with 'set.bare_string'

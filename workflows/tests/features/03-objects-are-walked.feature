# Ruling 3 of the template language.
Feature: Objects in from, as and set are walked leaf by leaf

  Scenario: Each marked leaf is evaluated with the same input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r03, version: 1.0.0 }
      do:
        - build: { set: { a: { b: [ '${ .x }', 1, { c: '${ .x + 1 }' } ] } }, output: { as: { kept: '${ .a.b }', all: '${ . }' } } }
      """
    And given the workflow input is:
      """yaml
      { x: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { kept: [ 1, 1, { c: 2 } ], all: { a: { b: [ 1, 1, { c: 2 } ] } } }
      """

  Scenario: A key is never an expression
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r03, version: 1.0.0 }
      do:
        - build: { set: { '${ .x }': 1 } }
      """
    And given the workflow input is:
      """yaml
      { x: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { '${ .x }': 1 }
      """

  Scenario: Data is never searched for expressions
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r03, version: 1.0.0 }
      do:
        - pass: { set: { text: '${ .text }' } }
        - again: { set: { text: '${ .text }', all: '${ . }' } }
      """
    And given the workflow input is:
      """yaml
      { text: '${ 1 + 1 }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { text: '${ 1 + 1 }', all: { text: '${ 1 + 1 }' } }
      """

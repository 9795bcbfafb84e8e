# Ruling 32 of the template language.
Feature: Expressions are strict jq

  Scenario: Loose mode is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r32, version: 1.0.0 }
      evaluate: { mode: loose }
      do: []
      """
    Then the workflow should be refused with 'unsupported.evaluate.loose'

  Scenario: Another language is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r32, version: 1.0.0 }
      evaluate: { language: js }
      do: []
      """
    Then the workflow should be refused with 'unsupported.evaluate.language'

  Scenario: A failed expression is an error, never its own text
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r32, version: 1.0.0 }
      evaluate: { mode: strict, language: jq }
      do:
        - wrong: { set: { x: '${ .a.b.c }' } }
      """
    And given the workflow input is:
      """yaml
      { a: 1 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/expression, status: 400, instance: /do/0/wrong }
      """
